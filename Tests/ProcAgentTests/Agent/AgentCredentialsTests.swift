import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct AgentCredentialsTests {
    let folder = TemporaryDirectory()

    static func problem(_ sources: AgentCredentials.Sources) -> String {
        do { return "no problem but \(try AgentCredentials.load(sources, environmentToken: nil).token)" } catch {
            return "\(error)"
        }
    }

    @Test func filesAreReadAnewAndTheEnvironmentIsKept() throws {
        let file = folder.write("one", to: "token", mode: 0o600)
        let environment = Array("of the environment".utf8)
        let named = AgentCredentials.Sources(tokenFile: file)
        #expect(try AgentCredentials.load(named, environmentToken: environment).token.text == "one")
        folder.write("two", to: "token", mode: 0o600)
        #expect(try AgentCredentials.load(named, environmentToken: environment).token.text == "two")
        let none = AgentCredentials.Sources()
        #expect(try AgentCredentials.load(none, environmentToken: environment).token.text == "of the environment")
    }

    @Test func whatIsWrongWithTheAnchorsNamesTheirFile() throws {
        let missing = folder.path("none")
        #expect(
            Self.problem(.init(certificate: missing)) == "trust anchors: open \(missing): No such file or directory")
        #expect(Self.problem(.init(certificate: folder.path)).contains("\(folder.path) is a directory"))
        let empty = folder.write("", to: "empty.pem")
        #expect(Self.problem(.init(certificate: empty)) == "trust anchors: \(empty): no certificate in it")
    }

    /// As for one that grows while it is read.
    @Test func aFileThatIsLongerThanTheSystemSaysIsReadToItsEnd() throws {
        let status = try ConfigurationFile(path: "/proc/self/status", limit: 64 << 10)
        #expect(String(decoding: status.bytes, as: UTF8.self).contains("nonvoluntary_ctxt_switches"))
        #expect(throws: ConfigurationFile.Failure.tooLong(path: "/proc/self/status", limit: 100)) {
            try ConfigurationFile(path: "/proc/self/status", limit: 100)
        }
    }

    /// The mode doesn't matter for a certificate, which is no secret.
    @Test func aCertificateOfAnyKindIsAnAnchor() throws {
        let own = try TestCertificate.selfSigned(.init(names: ["DNS:localhost"]))
        let file = folder.write(own.certificate, to: "self.pem", mode: 0o666)
        _ = try AgentCredentials.load(.init(certificate: file), environmentToken: nil)
    }

    @Test func theTokenIsLookedAtFirst() {
        let missing = folder.path("none")
        #expect(Self.problem(.init(tokenFile: missing, certificate: missing)).hasPrefix("access token: open"))
    }
}
