import CWebSocket
import TestSupport
import Testing

/// The commands of `docs/tls.md`, as they stand there.
@Suite struct TLSDocumentTests {
    /// The contents of blocks of code that begin with this line.
    static func blocks(_ fence: Substring, file: String = #filePath) -> [String] {
        let root = file.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = String(decoding: contents(of: "/\(root)/docs/tls.md") ?? [], as: UTF8.self)
        var found: [String] = []
        var inside: Substring?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                inside = inside == nil ? line : nil
                if inside == fence { found.append("") }
            } else if inside == fence {
                found[found.count - 1] += line + "\n"
            }
        }
        return found
    }

    func run(_ script: String, in folder: TemporaryDirectory) throws -> ProgramRun {
        try ProgramRun(["/bin/sh", "-eu", folder.write(script, to: "script")], directory: folder.path)
    }

    @Test func itsCommandsMakeCertificatesThatWork() throws {
        let folder = TemporaryDirectory()
        let commands = Self.blocks("```sh")
        try #require(commands.count == 6)
        let made = try run(commands.joined(), in: folder).finish()
        try #require(made.exitCode == 0, "\(made.errorText)")
        #expect(made.outputText.contains("server.pem: OK\nclient.pem: OK\n"))
        #expect(made.outputText.contains("DNS:scheduler.example, DNS:localhost, IP Address:127.0.0.1"))

        func file(_ name: String) -> String { String(decoding: contents(of: folder.path(name)) ?? [], as: UTF8.self) }
        let client = try TLSContext(
            trusting: file("ca.pem"), certificate: file("client.pem"), key: file("client.key"))
        let server = try TLSContext(
            certificate: file("server.pem"), key: file("server.key"), clients: CWS_TLS_CLIENTS_REQUIRED,
            anchors: file("ca.pem"))
        for host in ["scheduler.example", "localhost", "127.0.0.1", "::1"] {
            let pair = try TLSPair(client, server, host: host).shaken()
            #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
            #expect(pair.server.subject() == "CN=agent 7,O=Example", "\(pair.server.reason)")
        }
        let own = try TLSPair(
            try TLSContext(trusting: file("self.pem")),
            try TLSContext(certificate: file("self.pem"), key: file("self.key"))
        ).shaken()
        #expect(own.client.state == CWS_TLS_OPEN, "\(own.client.reason)")
    }

    @Test func itsLookAtAServerSeesThatAllIsWell() throws {
        let certificates = try TLSCertificates.shared()
        let commands = Self.blocks("```")
        try #require(commands.count == 1)
        let folder = TemporaryDirectory()
        folder.write(certificates.anchor, to: "ca.pem")
        let listener = TLSListener()
        let command = commands[0].replacing("localhost:8443", with: "localhost:\(listener.port)")
        try #require(command != commands[0])
        let client = try run(command, in: folder)
        let socket = listener.accept(try TLSEnd(try TLSContext(server: certificates.server)))
        socket.run { socket.end.state == CWS_TLS_PEER_CLOSED }
        socket.endSending()
        let ended = client.finish()
        #expect(ended.outputText.contains("Verify return code: 0 (ok)"), "\(ended.outputText)\(ended.errorText)")
    }
}
