import CWebSocket
import TestSupport
import Testing

/// The code of `docs/websocket.md`, as it stands there.
@Suite struct WebSocketDocumentTests {
    @Test func itsExampleCompiles() throws {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = String(decoding: try #require(contents(of: "\(root)/docs/websocket.md")), as: UTF8.self)
        let code = try #require(page.split(separator: "```c\n").dropFirst().first?.split(separator: "```").first)
        let folder = TemporaryDirectory()
        let ended = try ProgramRun([
            Compiler.path, "-fsyntax-only", "-std=c17", "-Wall", "-Wextra", "-Werror", "-D_Nonnull=", "-D_Nullable=",
            "-I\(root)/Sources/CWebSocket/include", folder.write(String(code), to: "example.c"),
        ]).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
    }

    @Test func nothingMayBeSentFromNowhere() throws {
        var config = cws_connection_config()
        let connection = try #require(cws_connection_new(&config))
        defer { cws_connection_free(connection) }
        #expect(cws_send(connection, CWS_OPCODE_TEXT, nil, 0, CWS_COMPRESSION_OFF) == 0)
        #expect(cws_ping(connection, nil, 0) == 0)
        #expect(cws_message_begin(connection, CWS_OPCODE_BINARY, 0, CWS_COMPRESSION_OFF) == 0)
        #expect(cws_message_write(connection, nil, 0) == 0)
        #expect(cws_message_end(connection) == 0)
    }
}
