import CWebSocket
import Glibc
import TestSupport
import Testing

/// Data, and the ends of it.
@Suite(.serialized) struct TLSStreamTests {
    func pair(atMost12: Bool = false) throws -> TLSPair {
        let certificates = try TLSCertificates.shared()
        return try TLSPair(
            try TLSContext(trusting: certificates.anchor, atMost12: atMost12),
            try TLSContext(server: certificates.server)
        ).shaken()
    }

    static let limit = Int(CWS_TLS_OUTPUT_LIMIT)

    @Test(arguments: [false, true])
    func sixteenMegabytesGoThroughAThinPipe(atMost12: Bool) throws {
        let pair = try pair(atMost12: atMost12)
        var generator = SeededGenerator(seed: 1)
        let block = (0..<65_536).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let total = 16 << 20
        var sent = 0
        var seen = 0
        while seen < total {
            while sent < total {
                let at = sent % block.count
                let taken = pair.client.send(block[at...])
                try #require(taken >= 0)
                sent += taken
                if taken == 0 { break }
            }
            #expect(pair.client.outputSize < Self.limit + 17_000)
            // Odd, so that the ring's end is met in every way.
            pair.server.feed(pair.client.output(limit: 49_999), capacity: 30_011)
            let plain = pair.server.takeBytes()
            try #require(plain.elementsEqual(from: seen, inCyclesOf: block))
            seen += plain.count
        }
        #expect(seen == total && pair.client.size < 1024)
    }

    @Test func theOutputLimitIsKeptAndRoomIsUsedAgain() throws {
        let pair = try pair()
        let much = [UInt8](repeating: 7, count: 1 << 20)
        let taken = pair.client.send(much)
        #expect(taken > Self.limit - 17_000 && taken < much.count)
        #expect(pair.client.outputSize >= Self.limit && pair.client.outputSize < Self.limit + 17_000)
        #expect(pair.client.send(much) == 0)
        pair.server.feed(pair.client.output(limit: 20_000))
        let more = pair.client.send(much)
        #expect(more > 0 && more <= 32_768)
        pair.exchange()
        #expect(pair.server.plain == Array(much[..<(taken + more)]))
    }

    @Test(arguments: [false, true])
    func anIdleSessionHoldsLittle(atMost12: Bool) throws {
        let pair = try pair(atMost12: atMost12)
        #expect(pair.client.size < 1024 && pair.server.size < 1024)
        _ = pair.client.send([UInt8](repeating: 7, count: 100_000))
        #expect(pair.client.size > 100_000)
        _ = pair.client.output(limit: 99_999)
        #expect(pair.client.size > 100_000 && pair.client.outputSize > 0)
        _ = pair.client.output()
        #expect(pair.client.size < 1024 && pair.client.outputSize == 0)
    }

    @Test func sayingThatMoreWentThanThereWasDoesNoHarm() throws {
        let pair = try pair()
        _ = pair.client.send("x")
        cws_tls_wrote(pair.client.handle, 1 << 30)
        #expect(pair.client.outputSize == 0)
        cws_tls_wrote(pair.client.handle, 1)
        #expect(pair.client.outputSize == 0)
    }

    @Test func nothingToEncryptMakesNoRecord() throws {
        let pair = try pair()
        #expect(cws_tls_encrypt(pair.client.handle, nil, 0) == 0 && pair.client.outputSize == 0)
    }

    @Test(arguments: [false, true])
    func eitherEndMayCloseFirstWhileTheOtherGoesOn(atMost12: Bool) throws {
        for clientFirst in [false, true] {
            let pair = try pair(atMost12: atMost12)
            let (first, second) = clientFirst ? (pair.client, pair.server) : (pair.server, pair.client)
            #expect(first.send("last words") == 10)
            first.close()
            first.close()
            #expect(first.state == CWS_TLS_WE_CLOSED && first.send("more") == Int(CWS_TLS_ERR_CLOSED.rawValue))
            pair.exchange(piece: 1)
            #expect(second.takePlain() == "last words" && second.state == CWS_TLS_PEER_CLOSED)
            #expect(second.end() == nil && second.state == CWS_TLS_PEER_CLOSED)

            #expect(second.send("answer") == 6)
            pair.exchange()
            #expect(first.takePlain() == "answer" && first.state == CWS_TLS_WE_CLOSED)
            second.close()
            pair.exchange()
            #expect(first.state == CWS_TLS_CLOSED && second.state == CWS_TLS_CLOSED)
            #expect(first.end() == nil && second.end() == nil)
            #expect(first.reason.isEmpty && second.reason.isEmpty)
        }
    }

    @Test func whatFollowsACloseNotifyIsDropped() throws {
        let pair = try pair()
        pair.client.close()
        pair.server.feed(pair.client.output() + Array("and more".utf8))
        pair.server.feed(Array("and more".utf8))
        #expect(pair.server.state == CWS_TLS_PEER_CLOSED && pair.server.plain.isEmpty)
    }

    @Test func closingWithinTheHandshakeWaitsForItsEnd() throws {
        let certificates = try TLSCertificates.shared()
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor), try TLSContext(server: certificates.server))
        pair.client.close()
        #expect(pair.client.state == CWS_TLS_HANDSHAKE)
        pair.exchange()
        #expect(pair.client.state == CWS_TLS_WE_CLOSED, "\(pair.client.reason)")
        #expect(pair.server.state == CWS_TLS_PEER_CLOSED, "\(pair.server.reason)")
    }

    @Test(arguments: [false, true])
    func anEndWithoutCloseNotifyIsATruncation(atMost12: Bool) throws {
        let pair = try pair(atMost12: atMost12)
        #expect(pair.client.send("half") == 4)
        pair.server.feed(pair.client.output())
        #expect(pair.server.end() == CWS_TLS_ERR_TRUNCATED && pair.server.takePlain() == "half")
        #expect(pair.server.reason == "connection ended without the peer's close_notify: data may be missing")
        #expect(pair.server.state == CWS_TLS_FAILED && pair.server.end() == CWS_TLS_ERR_TRUNCATED)
        #expect(pair.server.send("x") == Int(CWS_TLS_ERR_TRUNCATED.rawValue))
        pair.server.close()
        #expect(pair.server.outputSize == 0)

        let cut = try self.pair(atMost12: atMost12)
        _ = cut.client.send("half a record")
        cut.server.feed(cut.client.output().dropLast())
        #expect(cut.server.end() == CWS_TLS_ERR_TRUNCATED && cut.server.plain.isEmpty)
    }
}

extension [UInt8] {
    /// Whether these are the bytes from `start` on of an endless repetition. By memcmp, which is fast in a debug build.
    fileprivate func elementsEqual(from start: Int, inCyclesOf block: [UInt8]) -> Bool {
        var at = 0
        while at < count {
            let from = (start + at) % block.count
            let length = Swift.min(block.count - from, count - at)
            let equal = withUnsafeBytes { own in
                block.withUnsafeBytes { other in
                    // Never nil: both have bytes.
                    memcmp(own.baseAddress! + at, other.baseAddress! + from, length) == 0
                }
            }
            guard equal else { return false }
            at += length
        }
        return true
    }
}
