import CWebSocket
import Testing

@Suite struct HttpResponseHeadTests {
    static let valid: [(text: String, status: UInt16, reason: String, minor: UInt8)] = [
        ("HTTP/1.1 200 OK\r\n\r\n", 200, "OK", 1),
        ("HTTP/1.0 404 Not Found\r\nA: b\r\nHost: 1\r\nHost: 2 3\r\n\r\n", 404, "Not Found", 0),
        ("HTTP/1.1 100 \r\n\r\n", 100, "", 1),
        ("HTTP/1.1 599 \t é \r\n\r\n", 599, "\t é ", 1),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 101, "Switching Protocols", 1),
    ]

    @Test(arguments: valid)
    func everyPrefixAsksForMoreAndTheWholeDecodes(text: String, status: UInt16, reason: String, minor: UInt8) {
        let bytes = Array(text.utf8)
        #expect(HeadReading.readByteByByte(.response, bytes) == (bytes.count, Int32(bytes.count)))
        let reading = HeadReading.read(.response, bytes + [0])
        #expect(reading.returned == bytes.count)
        #expect(reading.status == status)
        #expect(reading.reason == reason)
        #expect(reading.minorVersion == minor)
    }

    static let wrong: [WrongText] = [
        .init("\r‖\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("S‖SH-2.0-OpenSSH_9.2\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("<‖html>", CWS_HTTP_ERR_NOT_HTTP),
        .init("\u{15}‖\u{3}\u{3}", CWS_HTTP_ERR_CONTROL),
        .init("HTTP/1.1\r‖\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/1.1\t‖200 OK\r\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/1.11‖ 200 OK\r\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/2‖ 200 \r\n", CWS_HTTP_ERR_VERSION),
        .init("HTTP/1.1  ‖200 OK\r\n", CWS_HTTP_ERR_STATUS),
        .init("HTTP/1.1 200\r‖\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/1.1 20\r‖\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/1.1 20 ‖OK\r\n", CWS_HTTP_ERR_STATUS),
        .init("HTTP/1.1 0‖99 OK\r\n", CWS_HTTP_ERR_STATUS),
        .init("HTTP/1.1 6‖00 OK\r\n", CWS_HTTP_ERR_STATUS),
        .init("HTTP/1.1 -‖20 OK\r\n", CWS_HTTP_ERR_STATUS),
        .init("HTTP/1.1 2000‖ OK\r\n", CWS_HTTP_ERR_START_LINE),
        .init("HTTP/1.1 200 O\u{0}‖K\r\n", CWS_HTTP_ERR_CONTROL),
        .init("HTTP/1.1 200 OK\n‖\n", CWS_HTTP_ERR_BARE_LF),
        .init("HTTP/1.1 200 OK\rX‖", CWS_HTTP_ERR_BARE_CR),
        .init("HTTP/1.1 200 OK\r\nA: b\r\n ‖c\r\n\r\n", CWS_HTTP_ERR_FOLDED),
    ]

    @Test(arguments: wrong)
    func anErrorIsReportedAtTheByteThatProvesIt(wrong: WrongText) {
        let (taken, returned) = HeadReading.readByteByByte(.response, wrong.before)
        #expect(taken == wrong.before.count)
        #expect(returned == wrong.error.rawValue)
        #expect(HeadReading.read(.response, wrong.before + wrong.after).returned == wrong.error.rawValue)
    }
}
