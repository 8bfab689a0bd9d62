import ProcCore
import ProcIO
import TestSupport
import Testing

/// Our WebSocket against the Python package websockets, either way round, with and without TLS and compression.
@Suite struct PythonPeerTests {
    struct Way: Sendable, CustomTestStringConvertible {
        let tls: Bool
        let deflate: Bool

        static let all = [false, true].flatMap { tls in [false, true].map { Way(tls: tls, deflate: $0) } }
        var testDescription: String { "\(tls ? "TLS" : "plain"), \(deflate ? "deflate" : "no deflate")" }
    }

    private let folder = TemporaryDirectory()

    /// The interpreter is what `script/bootstrap test` has made.
    private func command(_ script: String, _ way: Way, file: String = #filePath) -> [String] {
        let parts = file.split(separator: "/")
        let root = "/" + parts.dropLast(4).joined(separator: "/")
        let folder = "/" + parts.dropLast().joined(separator: "/")
        return ["\(root)/.venv/bin/python", "\(folder)/Peers/\(script)"] + (way.deflate ? [] : ["--plain"])
    }

    @Test(arguments: Way.all)
    func aServerInPythonEchoesAllThatWeSend(way: Way) throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let files =
            way.tls
            ? [folder.write(certificate.certificate, to: "c"), folder.write(certificate.key, to: "k")] : []
        let server = try ProgramRun(command("echo_server.py", way) + files)
        let port = try #require(server.outputLine(after: "port ").flatMap { UInt16($0) })

        let bed = try WebSocketBed()
        var target = WebSocketTarget(Endpoint(host: "127.0.0.1", port: port))
        if way.tls { target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem) }
        let client = try bed.dial(target).get()
        #expect(client.connection.compresses == way.deflate)
        var sent = [0, 1, 125, 126, 65_535, 65_536, 1_000_000].map { WebSocketMessageTests.content($0) }
        sent.append([UInt8](repeating: 120, count: 1_000_000))
        for message in sent { client.connection.send(.binary, message, compression: .on) }
        let text = Array(String(repeating: "Grüße, 😀 ", count: 10_000).utf8)
        client.connection.send(.text, text)
        sent.append(text)
        client.connection.send(
            .binary, length: nil, from: WebSocketMessageTests.Pattern(500_000), compression: way.deflate ? .on : .off)
        sent.append((0..<500_000).map(WebSocketMessageTests.Pattern.byte))
        client.connection.ping([7])
        try bed.run { client.messages.count == sent.count && client.pongs == [[7]] || client.end != nil }
        #expect(client.messages == sent)
        client.connection.close(.init(code: 3005, text: "schön"))
        try bed.run { client.end != nil }
        #expect(client.end == .closed(.init(code: 3005, text: "schön"), byPeer: false))
        #expect(server.outputLine(after: "closed ") == "3005 schön")
    }

    @Test(arguments: Way.all)
    func aClientInPythonGetsBackAllThatItSends(way: Way) throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        if way.tls { service.tls = try TLSContext(server: certificate.identity) }
        let endpoint = try bed.serve(service) { end in
            end.connection.handlers.received = { [unowned end] message in
                end.connection.send(message.opcode, Array(message.bytes), compression: .on)
            }
        }
        let anchor = way.tls ? [folder.write(certificate.certificate, to: "c")] : []
        let client = try ProgramRun(
            command("echo_client.py", way) + ["\(way.tls ? "wss" : "ws")://\(endpoint)"] + anchor)
        try bed.run { bed.accepted.first?.end != nil || !bed.failures.isEmpty }
        let ended = client.finish()
        #expect(ended.outputText == (way.deflate ? "ok deflate\n" : "ok\n"), "\(ended.errorText)")
        let reason = WebSocketConnection.CloseReason(code: 3005, text: "was ein schöner Tag")
        #expect(bed.accepted.first?.end == .closed(reason, byPeer: true))
    }
}
