import CWebSocket
import Testing

@Suite struct HttpFieldTests {
    /// Asks about a request with these lines of fields.
    static func ask<Answer>(
        _ lines: [String], version: String = "1.1",
        _ question: @escaping (UnsafePointer<UInt8>, inout cws_http_head) -> Answer
    ) throws -> Answer {
        let text = "GET / HTTP/\(version)\r\nHost: h\r\n" + lines.map { "\($0)\r\n" }.joined() + "\r\n"
        return try #require(HeadReading.read(.request, text.utf8, question: { question($0, &$1) }).1)
    }

    static let lists: [(lines: [String], has: Bool)] = [
        ([], false),
        (["Connection: upgrade"], true),
        (["connection: UPGRADE"], true),
        (["Connection: keep-alive, Upgrade"], true),
        (["Connection:\tkeep-alive\t,\tUpgrade\t,"], true),
        (["Connection: ,,upgrade"], true),
        (["Connection: close", "X: y", "Connection: x, upgrade"], true),
        (["Connection: upgrades"], false),
        (["Connection: upgrad"], false),
        (["Connection: up grade"], false),
        (["Connection: upgrade;q=1"], false),
        (["Connection: , ,"], false),
        (["Connection:"], false),
        (["Connections: upgrade", "X-Connection: upgrade"], false),
    ]

    @Test(arguments: lists)
    func aTokenIsFoundInAnyCaseInAnyOfTheFields(lines: [String], has: Bool) throws {
        #expect(try Self.ask(lines) { cws_http_has_token($0, &$1, "Connection", "upgrade") } == has)
    }

    @Test func fieldsOfOneNameAreFoundInTurn() throws {
        let found = try Self.ask(["A: 1", "B: 2", "a: 3"]) { bytes, head in
            let first = cws_http_field_find(bytes, &head, "A", 0)
            let second = cws_http_field_find(bytes, &head, "A", first + 1)
            let third = cws_http_field_find(bytes, &head, "A", second + 1)
            return [first, second, third, cws_http_field_find(bytes, &head, "A", 99), head.field_count]
        }
        #expect(found == [1, 3, 4, 4, 4])
    }

    static let upgrades: [(lines: [String], version: String, upgrades: Bool)] = [
        (["Upgrade: websocket", "Connection: Upgrade"], "1.1", true),
        (["Upgrade: h2c, WebSocket", "Connection: keep-alive", "Connection: upgrade"], "1.1", true),
        (["Upgrade: websocket", "Connection: Upgrade"], "1.0", false),
        (["Upgrade: websocket"], "1.1", false),
        (["Connection: upgrade"], "1.1", false),
        (["Upgrade: websocket/13", "Connection: Upgrade"], "1.1", false),
    ]

    @Test(arguments: upgrades)
    func anUpgradeNeedsBothFieldsAndVersionOne(lines: [String], version: String, upgrades: Bool) throws {
        #expect(try Self.ask(lines, version: version) { cws_http_upgrades_to($0, &$1, "websocket") } == upgrades)
    }

    static let expectations: [(lines: [String], version: String, answer: Int32)] = [
        ([], "1.1", 0),
        (["Expect:"], "1.1", 0),
        (["Expect: 100-continue"], "1.1", 1),
        (["Expect: ,100-Continue,"], "1.1", 1),
        (["Expect: 100-continue", "Expect:"], "1.1", 1),
        (["Expect: 100-continue"], "1.0", 0),
        (["Expect: 200-ok"], "1.1", CWS_HTTP_ERR_EXPECTATION.rawValue),
        (["Expect: 200-ok"], "1.0", 0),
        (["Expect: 100-continue, x"], "1.1", CWS_HTTP_ERR_EXPECTATION.rawValue),
        (["Expect: 100-continue", "Expect: x"], "1.1", CWS_HTTP_ERR_EXPECTATION.rawValue),
    ]

    @Test(arguments: expectations)
    func expectationsOtherThanContinueAreErrors(lines: [String], version: String, answer: Int32) throws {
        #expect(try Self.ask(lines, version: version) { cws_http_expects_continue($0, &$1) } == answer)
    }

    static let connections: [(lines: [String], version: String, kind: cws_http_body_kind, keeps: Bool)] = [
        ([], "1.1", CWS_HTTP_BODY_NONE, true),
        (["Connection: close"], "1.1", CWS_HTTP_BODY_NONE, false),
        (["Connection: keep-alive, Close"], "1.1", CWS_HTTP_BODY_CHUNKED, false),
        (["Connection: keep-alive", "Connection: close"], "1.0", CWS_HTTP_BODY_NONE, false),
        ([], "1.0", CWS_HTTP_BODY_NONE, false),
        (["Connection: Keep-Alive"], "1.0", CWS_HTTP_BODY_LENGTH, true),
        (["Connection: keep-alive"], "1.1", CWS_HTTP_BODY_TO_CLOSE, false),
    ]

    @Test(arguments: connections)
    func theConnectionLivesOnAsVersionAndTokensSay(
        lines: [String], version: String, kind: cws_http_body_kind, keeps: Bool
    ) throws {
        let answer = try Self.ask(lines, version: version) { bytes, head in
            var body = cws_http_body(kind: kind, length: 0)
            return cws_http_keeps_alive(bytes, &head, &body)
        }
        #expect(answer == keeps)
    }
}
