import Glibc
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct AccessTokenTests {
    let folder = TemporaryDirectory()

    static func find(
        _ file: String? = nil, credentials: String? = nil, environment: String? = nil
    ) throws(AccessToken.Problem) -> AccessToken {
        try AccessToken.find(
            file: file, credentialsDirectory: credentials, environment: environment.map { Array($0.utf8) })
    }

    static func problem(_ file: String, credentials: String? = nil) -> String {
        do { return "no problem but \(try find(file, credentials: credentials).origin)" } catch { return "\(error)" }
    }

    @Test func theFirstPlaceThatHasATokenCounts() throws {
        let file = folder.write("of the file\n", to: "file", mode: 0o600)
        let credential = folder.write("of systemd\n", to: "procstar-agent-token", mode: 0o400)
        let path = folder.path
        let token = try Self.find(file, credentials: path, environment: "of the environment")
        #expect(token == AccessToken("of the file", from: .file(path: file, mode: 0o600)))
        #expect(
            try Self.find(credentials: path, environment: "e")
                == AccessToken("of systemd", from: .file(path: credential, mode: 0o400)))
        #expect(try Self.find(environment: "of the environment").origin == .environment)
        #expect(try Self.find(environment: "of the environment").text == "of the environment")
        #expect(try Self.find() == AccessToken("", from: .nowhere))
    }

    @Test func whatSystemdHasNotMadeIsPassedOver() throws {
        #expect(try Self.find(credentials: folder.path, environment: "e").text == "e")
        #expect(try Self.find(credentials: folder.path("none"), environment: "e").text == "e")
        _ = mkdir(folder.path("procstar-agent-token"), 0o700)
        #expect(throws: AccessToken.Problem.self) { try Self.find(credentials: folder.path, environment: "e") }
    }

    @Test(arguments: [
        ("sesame", "sesame"), ("sesame\n", "sesame"), ("sesame\r\n", "sesame"), ("", ""), ("\n", ""), ("\r\n", ""),
        (" a b ", " a b "), ("süß\n", "süß"),
    ])
    func oneLineEndIsNoPartOfTheToken(contents: String, token: String) throws {
        let found = try Self.find(folder.write(contents, to: "token", mode: 0o600))
        #expect(found.text == token && found.isEmpty == token.isEmpty)
    }

    @Test(arguments: ["a\n\n", "a\nb", "\u{0}", "a\tb", "a\r", "\u{1b}[31m", "\u{85}"])
    func moreThanALineIsRefused(contents: String) {
        let file = folder.write(contents, to: "token", mode: 0o600)
        #expect(
            Self.problem(file) == "access token: there is a control character in \(file), "
                + "which must hold the token on one line")
    }

    @Test func bytesThatAreNotTextAreRefused() {
        let file = folder.write(bytes: [0x41, 0xff], to: "token", mode: 0o600)
        #expect(Self.problem(file) == "access token: what is in \(file) is not UTF-8")
        #expect(throws: AccessToken.Problem(reason: "what the variable PROCSTAR_AGENT_TOKEN holds is not UTF-8")) {
            try AccessToken.find(file: nil, credentialsDirectory: nil, environment: [0xff])
        }
    }

    @Test(arguments: [0o600, 0o400, 0o700, 0o711])
    func aFileForItsOwnerAloneWillDo(mode: mode_t) throws {
        let file = folder.write("t", to: "token", mode: mode)
        #expect(try Self.find(file).origin == .file(path: file, mode: mode))
    }

    @Test(arguments: [0o640, 0o620, 0o604, 0o602, 0o644, 0o666])
    func aFileThatOthersCanReachIsRefusedWithTheRemedy(mode: mode_t) {
        let file = folder.write("t", to: "my token", mode: mode)
        let digits = String(mode, radix: 8)
        #expect(
            Self.problem(file) == "access token: \(file) has mode 0\(digits), so that others can read or change it; "
                + "chmod 600 '\(file)'")
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func aFileOfSomebodyElseIsRefused() {
        let file = folder.write("t", to: "token", mode: 0o600)
        _ = chown(file, 54321, gid_t.max)
        #expect(
            Self.problem(file) == "access token: \(file) belongs to user 54321, who could change it; chown 0 \(file)")
    }

    @Test func systemdDecidesWhoReadsItsCredentials() throws {
        let file = folder.write("t", to: "other", mode: 0o440)
        #expect(try Self.find(file, credentials: folder.path).text == "t")
        #expect(Self.problem(file).contains("mode 0440"))
        #expect(Self.problem(file, credentials: folder.path + "/o").contains("mode 0440"))
        _ = mkdir(folder.path("inside"), 0o700)
        let detour = folder.path("inside/../other")
        #expect(Self.problem(detour, credentials: folder.path("inside")).contains("mode 0440"))
    }

    @Test func whatIsNoFileIsRefusedAndNotWaitedFor() {
        let fifo = folder.path("fifo")
        _ = mkfifo(fifo, 0o600)
        #expect(Self.problem(fifo) == "access token: \(fifo) is a FIFO, not a regular file")
        #expect(Self.problem(folder.path) == "access token: \(folder.path) is a directory, not a regular file")
        #expect(Self.problem("/dev/zero") == "access token: /dev/zero is a device, not a regular file")
        let missing = folder.path("none")
        #expect(Self.problem(missing) == "access token: open \(missing): No such file or directory")
    }

    @Test func aTokenMayHave64KiB() throws {
        let longest = String(repeating: "t", count: 64 << 10)
        #expect(try Self.find(folder.write(longest, to: "token", mode: 0o600)).text == longest)
        let file = folder.write(longest + "\n", to: "token", mode: 0o600)
        #expect(Self.problem(file) == "access token: \(file) is too long: at most 64 KiB are read")
    }

    @Test func aTokenDoesNotShowItself() throws {
        let token = try Self.find(environment: "sesame")
        struct Holder { let token: AccessToken }
        var dumped = ""
        dump(Holder(token: token), to: &dumped)
        dump(token, to: &dumped)
        let texts = [
            "\(token)", String(describing: token), String(reflecting: token), "\(Holder(token: token))",
            String(reflecting: [token]), "\(Optional(token) as Any)", dumped,
        ]
        for text in texts { #expect(text.contains("(hidden)") && !text.contains("sesame"), "\(text)") }
    }

    @Test(arguments: [("a/b-1.2", "a/b-1.2"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#), ("", "''"), ("$x", "'$x'")])
    func pathsAreQuotedAsAShellReadsThem(path: String, word: String) {
        #expect(ShellWord.quoted(path) == word)
    }
}
