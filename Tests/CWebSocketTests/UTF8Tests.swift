import CWebSocket
import TestSupport
import Testing

@Suite struct UTF8Tests {
    /// How a text did: the offset of the first wrong byte, or nil; and whether it could have ended there.
    struct Verdict: Equatable {
        var wrong: Int?
        var complete: Bool
    }

    static func check(_ pieces: [ArraySlice<UInt8>]) -> Verdict {
        var text = cws_utf8()
        var offset = 0
        for piece in pieces {
            let taken = withExactCopy(piece) { start, count in cws_utf8_check(&text, start, count) }
            offset += taken
            guard taken == piece.count else {
                #expect(!cws_utf8_is_complete(&text))
                return Verdict(wrong: offset, complete: false)
            }
        }
        return Verdict(wrong: nil, complete: cws_utf8_is_complete(&text))
    }

    static func check(_ bytes: [UInt8]) -> Verdict { check([bytes[...]]) }

    static func isValid(_ bytes: some Collection<UInt8>) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// The same from Swift's validation alone: a byte is wrong when no continuation makes the text valid.
    static func reference(_ bytes: [UInt8]) -> Verdict {
        if isValid(bytes) { return Verdict(wrong: nil, complete: true) }
        let completions =
            [[]]
            + [1, 2, 3].flatMap { count in
                // One of these suits whatever comes before: 80 after ed and f4, 90 after f0, a0 after e0.
                [0x80, 0x90, 0xa0].map { [$0] + [UInt8](repeating: 0x80, count: count - 1) }
            }
        // All characters before the last few bytes of a prefix have been found valid already.
        var begin = 0
        for end in 1...bytes.count {
            let last = bytes[begin..<end]
            if isValid(last) {
                begin = end
            } else if !completions.contains(where: { isValid(last + $0) }) {
                return Verdict(wrong: end - 1, complete: false)
            }
        }
        return Verdict(wrong: nil, complete: false)
    }

    /// The classic "kosme", whose second letter has three bytes: eleven in all.
    static let kosme = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}"

    /// The classic stress strings (Markus Kuhn's, and those of the Autobahn Testsuite), with their first wrong byte.
    static let strings: [(bytes: [UInt8], verdict: Verdict)] = [
        ([], Verdict(wrong: nil, complete: true)),
        (Array(kosme.utf8), Verdict(wrong: nil, complete: true)),
        (Array("Hello-µ@ßöäüàá-UTF-8!! 日本語 😀 \u{10ffff}\u{ffff}\u{0}".utf8), Verdict(wrong: nil, complete: true)),
        // The ends of each length.
        ([0x7f], Verdict(wrong: nil, complete: true)),
        ([0xc2, 0x80, 0xdf, 0xbf], Verdict(wrong: nil, complete: true)),
        ([0xe0, 0xa0, 0x80, 0xef, 0xbf, 0xbf], Verdict(wrong: nil, complete: true)),
        ([0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf], Verdict(wrong: nil, complete: true)),
        ([0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80], Verdict(wrong: nil, complete: true)),
        // Unfinished, though not wrong.
        ([0xc3], Verdict(wrong: nil, complete: false)),
        ([0xe2, 0x82], Verdict(wrong: nil, complete: false)),
        ([0xf4, 0x8f, 0xbf], Verdict(wrong: nil, complete: false)),
        // Continuations without a lead, leads without a continuation.
        ([0x80], Verdict(wrong: 0, complete: false)),
        ([0x61, 0xbf], Verdict(wrong: 1, complete: false)),
        ([0xc3, 0x28], Verdict(wrong: 1, complete: false)),
        ([0xe2, 0x82, 0x28], Verdict(wrong: 2, complete: false)),
        ([0xf0, 0x9f, 0x98, 0x28], Verdict(wrong: 3, complete: false)),
        ([0xc3, 0xc3], Verdict(wrong: 1, complete: false)),
        // Overlong: the solidus, and the largest of each length.
        ([0xc0, 0xaf], Verdict(wrong: 0, complete: false)),
        ([0xc1, 0xbf], Verdict(wrong: 0, complete: false)),
        ([0xe0, 0x80, 0xaf], Verdict(wrong: 1, complete: false)),
        ([0xe0, 0x9f, 0xbf], Verdict(wrong: 1, complete: false)),
        ([0xf0, 0x80, 0x80, 0xaf], Verdict(wrong: 1, complete: false)),
        ([0xf0, 0x8f, 0xbf, 0xbf], Verdict(wrong: 1, complete: false)),
        // Surrogates: the first, the last, a pair.
        ([0xed, 0xa0, 0x80], Verdict(wrong: 1, complete: false)),
        ([0xed, 0xbf, 0xbf], Verdict(wrong: 1, complete: false)),
        ([0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80], Verdict(wrong: 1, complete: false)),
        // Above U+10FFFF, and what the first definition of UTF-8 had.
        ([0xf4, 0x90, 0x80, 0x80], Verdict(wrong: 1, complete: false)),
        ([0xf5, 0x80, 0x80, 0x80], Verdict(wrong: 0, complete: false)),
        ([0xf8, 0x88, 0x80, 0x80, 0x80], Verdict(wrong: 0, complete: false)),
        ([0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], Verdict(wrong: 0, complete: false)),
        ([0xfe], Verdict(wrong: 0, complete: false)),
        ([0xff], Verdict(wrong: 0, complete: false)),
        // Autobahn 6.3.1 and 6.4.1.
        (Array(kosme.utf8) + [0xed, 0xa0, 0x80] + Array("edited".utf8), Verdict(wrong: 12, complete: false)),
        (Array(kosme.utf8) + [0xf4, 0x90, 0x80, 0x80] + Array("edited".utf8), Verdict(wrong: 12, complete: false)),
    ]

    /// Wherever the block of 32 bytes that is looked at together begins and ends.
    @Test(arguments: strings)
    func theFirstWrongByteIsFoundWhereverItStands(bytes: [UInt8], verdict: Verdict) {
        for before in 0...70 {
            for after in [0, 1, 31, 64] {
                // Ends of text are judged only where it ends.
                guard after == 0 || verdict.wrong != nil else { continue }
                let text =
                    [UInt8](repeating: 0x61, count: before) + bytes + [UInt8](repeating: 0x7a, count: after)
                let shifted = Verdict(wrong: verdict.wrong.map { $0 + before }, complete: verdict.complete)
                #expect(Self.check(text) == shifted, "\(before) before, \(after) after")
            }
        }
    }

    @Test(arguments: strings)
    func theVerdictDoesNotDependOnTheCuts(bytes: [UInt8], verdict: Verdict) {
        let before = Array("abcdefghijklmnopqrstuvwxyz ß €".utf8)
        let text = before + bytes
        let expected = Verdict(wrong: verdict.wrong.map { $0 + before.count }, complete: verdict.complete)
        for cut in 0...text.count {
            #expect(Self.check([text[..<cut], text[cut...]]) == expected, "cut at \(cut)")
        }
        #expect(Self.check(text.indices.map { text[$0...$0] }) == expected, "byte by byte")
    }

    /// Between two neighbours of these, all bytes are alike to UTF-8; so this is every text of up to four bytes.
    @Test func allShortTextsAgreeWithSwift() {
        let ends: [UInt8] = [
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
            0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ]
        var texts: [[UInt8]] = [[]]
        for _ in 1...3 {
            texts = texts.flatMap { text in ends.map { text + [$0] } }
            for text in texts { Self.expectAgreement(text) }
        }
        // Of four bytes, those that begin well; the others have been judged with three.
        for text in texts where Self.check(text) == Verdict(wrong: nil, complete: false) {
            for end in ends { Self.expectAgreement(text + [end]) }
        }
    }

    @Test func everyCharacterIsValid() {
        var text = cws_utf8()
        for scalar in (UInt32(0)...0x10ffff).lazy.compactMap(Unicode.Scalar.init) {
            var bytes = UTF8.encode(scalar).map(Array.init) ?? []
            let count = bytes.count
            guard cws_utf8_check(&text, &bytes, count) == count, cws_utf8_is_complete(&text) else {
                Issue.record("U+\(String(scalar.value, radix: 16))")
                return
            }
        }
    }

    @Test func randomBytesAgreeWithSwift() {
        var generator = SeededGenerator(seed: 3629)
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...12, using: &generator)
            Self.expectAgreement((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }

    /// Text of all scripts in which one byte was changed, lost or doubled.
    @Test func damagedTextAgreesWithSwift() {
        var generator = SeededGenerator(seed: 2277)
        let ranges: [ClosedRange<UInt32>] = [0...0x7f, 0...0x7f, 0x80...0x7ff, 0x800...0xd7ff, 0xe000...0x10ffff]
        for round in 0..<3_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
                let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) ?? "?"
                bytes += UTF8.encode(scalar).map(Array.init) ?? []
            }
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch round % 4 {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            default: break
            }
            Self.expectAgreement(bytes)
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(Self.check([bytes[..<cut], bytes[cut...]]) == Self.check(bytes), "\(bytes) cut at \(cut)")
        }
    }

    @Test func aLostTextTakesNothingMore() {
        var text = cws_utf8()
        #expect(cws_utf8_check(&text, [0x61, 0xff], 2) == 1)
        #expect(cws_utf8_check(&text, Array("valid, and longer than thirty-two bytes".utf8), 39) == 0)
        #expect(!cws_utf8_is_complete(&text))
        text = cws_utf8()
        #expect(cws_utf8_check(&text, [0x61], 1) == 1)
    }

    static func expectAgreement(_ bytes: [UInt8]) {
        let (ours, swifts) = (check(bytes), reference(bytes))
        if ours != swifts { Issue.record("\(bytes): \(ours), Swift: \(swifts)") }
    }
}
