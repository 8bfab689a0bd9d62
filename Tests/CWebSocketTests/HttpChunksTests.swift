import CWebSocket
import Testing

/// What a decoder made of a chunked body that came in pieces.
struct ChunksReading: Equatable {
    var data: [UInt8] = []
    var taken = 0
    var complete = false
    var error: Int32 = 0

    /// Gives the decoder `bytes` in heap copies of at most `pieceSize` bytes, until it fails or is complete.
    static func read(
        _ bytes: [UInt8], pieceSize: Int, bodyLimit: UInt64 = 1000, limits: cws_http_limits = .ordinary
    ) -> ChunksReading {
        var reading = ChunksReading()
        var chunks = cws_http_chunks()
        var limits = limits
        cws_http_chunks_init(&chunks, bodyLimit, &limits)
        while reading.taken < bytes.count, !reading.complete, reading.error == 0 {
            let piece = bytes[reading.taken..<min(reading.taken + pieceSize, bytes.count)]
            var span = cws_http_span()
            let returned = withExactCopy(of: piece) { copy in
                let returned = cws_http_chunks_decode(&chunks, copy, piece.count, &span)
                precondition(Int(span.at) + Int(span.len) <= max(Int(returned), 0), "data that wasn't taken")
                reading.data += UnsafeBufferPointer(start: copy + Int(span.at), count: Int(span.len))
                return returned
            }
            precondition(returned != 0, "nothing was taken and nothing said")
            reading.taken += max(Int(returned), 0)
            reading.error = min(returned, 0)
            reading.complete = cws_http_chunks_complete(&chunks)
        }
        // What has ended stays so.
        var span = cws_http_span()
        let after = withExactCopy(of: [0x30]) { cws_http_chunks_decode(&chunks, $0, 1, &span) }
        precondition(reading.error == 0 || after == reading.error, "an error was forgotten")
        precondition(!reading.complete || after == 0, "bytes of the next message were taken")
        return reading
    }
}

@Suite struct HttpChunksTests {
    static let valid: [(text: String, data: String)] = [
        ("0\r\n\r\n", ""),
        ("0000000000000000\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\n\r\r\n2\r\n\n0\r\n00\r\n\r\n", "\r\n0"),
        ("0000000000000003\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", "abcd"),
        ("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a"),
        ("1;a=b;c=\"d;e\"\r\nx\r\n0;last\r\n\r\n", "x"),
        ("1; \té=\r\nx\r\n0\r\n\r\n", "x"),
        ("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 7\r\nC:\r\n\r\n", "x"),
    ]

    @Test(arguments: valid)
    func everyCutGivesTheSameData(text: String, data: String) {
        let bytes = Array(text.utf8)
        let expected = ChunksReading(data: Array(data.utf8), taken: bytes.count, complete: true)
        for size in 1...bytes.count + 1 {
            #expect(ChunksReading.read(bytes, pieceSize: size) == expected)
            #expect(ChunksReading.read(bytes + Array("GET".utf8), pieceSize: size) == expected)
        }
        for count in 0..<bytes.count {
            let cut = ChunksReading.read(Array(bytes[..<count]), pieceSize: 1)
            #expect(!cut.complete && cut.error == 0 && cut.taken == count)
        }
    }

    static let wrong: [WrongText] = [
        .init("\r‖\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("\n‖", CWS_HTTP_ERR_BARE_LF),
        .init(" ‖5\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("5 ‖\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("5\t‖;a\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("+‖5\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("-‖5\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("0x‖5\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("5_‖0\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("5h‖\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("g‖\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init(";‖a\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("5\u{0}‖\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("00000000000000005‖\r\n", CWS_HTTP_ERR_CHUNK_SIZE),
        .init("3e9‖\r\n", CWS_HTTP_ERR_BODY_TOO_LARGE),
        .init("fff‖fffffffffffff\r\n", CWS_HTTP_ERR_BODY_TOO_LARGE),
        .init("1\r\nx\r\n3e8‖\r\n", CWS_HTTP_ERR_BODY_TOO_LARGE),
        .init("5\n‖hello\r\n", CWS_HTTP_ERR_BARE_LF),
        .init("5\rh‖ello\r\n", CWS_HTTP_ERR_BARE_CR),
        .init("5\r\r‖\nhello\r\n", CWS_HTTP_ERR_BARE_CR),
        .init("5;a\n‖hello\r\n", CWS_HTTP_ERR_BARE_LF),
        .init("5;a\rb‖\r\nhello\r\n", CWS_HTTP_ERR_BARE_CR),
        .init("5;\u{0}‖\r\nhello\r\n", CWS_HTTP_ERR_CONTROL),
        .init("5\r\nhello0‖\r\n\r\n", CWS_HTTP_ERR_CHUNK_END),
        .init("5\r\nhello\n‖0\r\n\r\n", CWS_HTTP_ERR_CHUNK_END),
        .init("5\r\nhello\r0‖\r\n\r\n", CWS_HTTP_ERR_CHUNK_END),
        .init("4\r\nhello‖\r\n0\r\n\r\n", CWS_HTTP_ERR_CHUNK_END),
        .init("0\r\n ‖a\r\n\r\n", CWS_HTTP_ERR_FOLDED),
        .init("0\r\nA ‖: b\r\n\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        .init("0\r\nA\r‖\n\r\n", CWS_HTTP_ERR_FIELD_NAME),
        .init("0\r\nGET ‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        .init("0\r\nA: b\r\n ‖c\r\n\r\n", CWS_HTTP_ERR_FOLDED),
        .init("0\r\nA: \u{1}‖\r\n\r\n", CWS_HTTP_ERR_CONTROL),
        .init("0\r\nA: b\n‖\n", CWS_HTTP_ERR_BARE_LF),
        .init("0\r\n\n‖", CWS_HTTP_ERR_BARE_LF),
        .init("0\r\n\rX‖", CWS_HTTP_ERR_BARE_CR),
        .init("0\r\nA: b\rX‖", CWS_HTTP_ERR_BARE_CR),
    ]

    @Test(arguments: wrong)
    func anErrorIsReportedAtTheByteThatProvesIt(wrong: WrongText) {
        for size in 1...wrong.before.count + 1 {
            #expect(ChunksReading.read(wrong.before + wrong.after, pieceSize: size).error == wrong.error.rawValue)
        }
        let reading = ChunksReading.read(wrong.before, pieceSize: 1)
        #expect(reading.error == wrong.error.rawValue)
        #expect(reading.taken == wrong.before.count - 1)
    }

    @Test func theBodyMayHaveAsManyBytesAsTheLimitAllows() {
        let bytes = Array("5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
        #expect(ChunksReading.read(bytes, pieceSize: 1, bodyLimit: 8).complete)
        #expect(
            ChunksReading.read(bytes, pieceSize: 1, bodyLimit: 7).error == CWS_HTTP_ERR_BODY_TOO_LARGE.rawValue)
        #expect(ChunksReading.read(Array("0\r\n\r\n".utf8), pieceSize: 1, bodyLimit: 0).complete)
        let huge = ChunksReading.read(Array("ffffffffffffffff\r\nx".utf8), pieceSize: 99, bodyLimit: .max)
        #expect(huge.data == [0x78] && huge.error == 0)
    }

    @Test func extensionsAndTrailersShareALimit() {
        let bytes = Array("1;ab\r\nx\r\n0;c\r\nA:\r\n\r\n".utf8)
        func read(_ head: UInt32) -> ChunksReading {
            ChunksReading.read(bytes, pieceSize: 1, limits: cws_http_limits(head: head, line: 9, fields: 1))
        }
        #expect(read(7).complete)
        for head in UInt32(3)...6 { #expect(read(head).error == CWS_HTTP_ERR_HEAD_TOO_LONG.rawValue) }
        for head in UInt32(0)...2 { #expect(read(head).error == CWS_HTTP_ERR_EXTENSIONS_TOO_LONG.rawValue) }
    }

    @Test func trailersKeepToTheLimitsOfFields() {
        let bytes = Array("0\r\nA: 45\r\nB:\r\n\r\n".utf8)
        func read(line: UInt32, fields: UInt32) -> ChunksReading {
            ChunksReading.read(bytes, pieceSize: 3, limits: cws_http_limits(head: 99, line: line, fields: fields))
        }
        #expect(read(line: 5, fields: 2).complete)
        #expect(read(line: 4, fields: 2).error == CWS_HTTP_ERR_FIELD_TOO_LONG.rawValue)
        #expect(read(line: 5, fields: 1).error == CWS_HTTP_ERR_TOO_MANY_FIELDS.rawValue)
    }
}
