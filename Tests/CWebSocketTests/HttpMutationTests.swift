import CWebSocket
import TestSupport
import Testing

/// Bytes that nobody would write: each answer must hold whatever the cuts, and nothing outside the exact-size
/// buffers may be read.
@Suite struct HttpMutationTests {
    static let interesting: [UInt8] = [0, 9, 10, 13, 32, 34, 37, 42, 44, 47, 48, 49, 58, 59, 64, 91, 93, 127, 128, 255]

    static func mutated(_ seed: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0..<max(bytes.count, 1), using: &random)
            guard at < bytes.count else { return bytes }
            let byte = interesting.randomElement(using: &random) ?? 0
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[at] = byte
            case 1: bytes.insert(byte, at: at)
            case 2: bytes.remove(at: at)
            case 3: bytes.removeSubrange(at..<Int.random(in: at...bytes.count, using: &random))
            default: bytes.insert(contentsOf: bytes[at...].prefix(20), at: at)
            }
        }
        return bytes
    }

    /// The first answer to a growing prefix must be the answer to the whole.
    private func check(_ kind: HeadReading.Kind, seeds: [String], seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limits = cws_http_limits(head: 150, line: 80, fields: 4)
        for _ in 0..<1000 {
            let bytes = Self.mutated(Array(seeds.randomElement(using: &random)?.utf8 ?? "".utf8), &random)
            let (whole, holds) = HeadReading.read(kind, bytes, limits: limits) { copy, head in
                var body = cws_http_body()
                let framing =
                    kind == .request
                    ? cws_http_request_body(copy, &head, &body)
                    : cws_http_response_body(copy, &head, CWS_HTTP_ASKED_OTHER, &body)
                let endsWithConnection = body.kind == CWS_HTTP_BODY_TO_CLOSE
                return framing <= 0 && cws_http_expects_continue(copy, &head) <= 1
                    && !(cws_http_keeps_alive(copy, &head, &body) && endsWithConnection)
                    && !(cws_http_upgrades_to(copy, &head, "websocket") && head.minor_version == 0)
            }
            #expect(holds ?? true)
            let (taken, returned) = HeadReading.readByteByByte(kind, bytes, limits: limits)
            #expect(returned == whole.returned, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            #expect(returned <= 0 || returned == taken)
        }
    }

    @Test func requestsAnswerTheSameHoweverTheyAreCut() {
        check(.request, seeds: HttpRequestHeadTests.valid.map(\.text), seed: 1)
    }

    @Test func responsesAnswerTheSameHoweverTheyAreCut() {
        check(.response, seeds: HttpResponseHeadTests.valid.map(\.text), seed: 2)
    }

    @Test func chunksAnswerTheSameHoweverTheyAreCut() {
        var random = SeededGenerator(seed: 3)
        let seeds = HttpChunksTests.valid.map { Array($0.text.utf8) }
        for _ in 0..<3000 {
            let bytes = Self.mutated(seeds.randomElement(using: &random) ?? [], &random)
            let limits = cws_http_limits(head: 20, line: 10, fields: 2)
            let whole = ChunksReading.read(bytes, pieceSize: .max / 2, bodyLimit: 30, limits: limits)
            for size in [1, 2, 3, 7] {
                let cut = ChunksReading.read(bytes, pieceSize: size, bodyLimit: 30, limits: limits)
                #expect(cut.error == whole.error && cut.complete == whole.complete && cut.data == whole.data)
            }
        }
    }
}
