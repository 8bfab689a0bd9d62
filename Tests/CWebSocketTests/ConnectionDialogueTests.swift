import CWebSocket
import TestSupport
import Testing

/// Two ends that do at random what they may do.
@Suite struct ConnectionDialogueTests {
    struct Shape: Sendable {
        var whole = false
        var deflate: Deflation?
        var maxOutput = 0
        var maxFragment = 0
    }

    static let shapes: [Shape] = [
        Shape(), Shape(whole: true, maxFragment: 10), Shape(maxOutput: 300), Shape(whole: true, maxOutput: 5000),
        Shape(deflate: Deflation(), maxOutput: 6000), Shape(whole: true, deflate: Deflation(keepsContext: false)),
        Shape(whole: true, deflate: Deflation(bits: 9, serverBits: 8), maxOutput: 100, maxFragment: 77),
        Shape(deflate: Deflation(bits: 11), maxFragment: 1000),
    ]

    /// One end with what it has said and heard.
    final class Side {
        let connection: Connection
        var sent: [Received] = []
        var pings: [Received] = []
        var heard: [Received] = []
        /// Written out by the other side, still under way.
        var wire: [UInt8] = []
        /// The message that goes out in pieces: what is left of it.
        var rest: ArraySlice<UInt8>?

        init(_ role: cws_role, _ shape: Shape) {
            connection = Connection(
                role, deflate: shape.deflate, whole: shape.whole, maxOutput: shape.maxOutput,
                maxFragment: shape.maxFragment)
        }
    }

    struct Dialogue {
        let sides: [Side]
        var random: SeededGenerator

        mutating func payload() -> [UInt8] {
            let size = Int.random(
                in: 0...Int.random(in: 0...Int.random(in: 0...20_000, using: &random), using: &random), using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: return (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            case 1: return (0..<size).map { UInt8(truncatingIfNeeded: $0 / 5) }
            default:
                let letters: [Character] = ["a", "é", "€", "😀", " "]
                return Array(String((0..<(size / 2)).map { _ in letters.randomElement(using: &random) ?? "b" }).utf8)
            }
        }

        mutating func compression() -> cws_compression {
            [CWS_COMPRESSION_OFF, CWS_COMPRESSION_ON, CWS_COMPRESSION_AUTO][Int.random(in: 0..<3, using: &random)]
        }

        static func opcode(for bytes: [UInt8]) -> cws_opcode {
            bytes.count > 1 && bytes[0] >= 0x20 && String(validating: bytes, as: UTF8.self) != nil
                ? CWS_OPCODE_TEXT : CWS_OPCODE_BINARY
        }

        mutating func send(_ side: Side) {
            let bytes = payload()
            let opcode = Self.opcode(for: bytes)
            let result = side.connection.send(bytes, opcode, compression())
            if side.rest != nil {
                #expect(result == CWS_ERR_STATE.rawValue)
            } else if result == 0 {
                side.sent.append(.message(opcode: UInt8(opcode.rawValue), bytes, first: true, last: true))
            } else {
                #expect(result == CWS_ERR_FULL.rawValue || result == CWS_ERR_TOO_BIG.rawValue)
            }
        }

        mutating func stream(_ side: Side) {
            guard let rest = side.rest else {
                let bytes = payload()
                let opcode = Self.opcode(for: bytes)
                let length = Bool.random(using: &random) ? UInt64(bytes.count) : .max
                #expect(side.connection.begin(opcode, length: length, compression()) == 0)
                side.rest = bytes[...]
                side.sent.append(.message(opcode: UInt8(opcode.rawValue), bytes, first: true, last: true))
                return
            }
            guard !rest.isEmpty else {
                #expect(side.connection.end() == 0)
                side.rest = nil
                return
            }
            let taken = side.connection.write(rest.prefix(Int.random(in: 1...9000, using: &random)))
            #expect(taken >= 0)
            side.rest = rest.dropFirst(max(taken, 0))
        }

        mutating func ping(_ side: Side) {
            let bytes = (0..<Int.random(in: 0...125, using: &random)).map { UInt8($0) }
            let result = side.connection.ping(bytes)
            if result == 0 { side.pings.append(.ping(bytes)) } else { #expect(result == CWS_ERR_FULL.rawValue) }
        }

        func move(from side: Side, to other: Side, _ limit: Int) {
            other.wire += side.connection.drain(limit)
            let count = min(limit, other.wire.count)
            other.heard += other.connection.receive(Array(other.wire[..<count]))
            other.wire.removeFirst(count)
            #expect(other.connection.failure == 0)
        }

        mutating func step() {
            let first = Int.random(in: 0...1, using: &random)
            let (side, other) = (sides[first], sides[1 - first])
            switch Int.random(in: 0..<10, using: &random) {
            case 0: send(side)
            case 1...3: stream(side)
            case 4: ping(side)
            default:
                move(
                    from: side, to: other, Int.random(in: 0...Int.random(in: 0...8000, using: &random), using: &random))
            }
        }

        /// Ends what is begun, and lets all of it arrive.
        mutating func finish() {
            while sides.contains(where: { $0.rest != nil || !$0.connection.output.isEmpty || !$0.wire.isEmpty }) {
                for (side, other) in [(sides[0], sides[1]), (sides[1], sides[0])] {
                    if side.rest != nil { stream(side) }
                    move(from: side, to: other, .max)
                }
            }
        }
    }

    @Test(arguments: shapes.indices, 1...4)
    func whatIsHeardIsWhatWasSaid(shape: Int, seed: Int) {
        let sides = [CWS_ROLE_CLIENT, CWS_ROLE_SERVER].map { Side($0, Self.shapes[shape]) }
        var dialogue = Dialogue(sides: sides, random: SeededGenerator(seed: UInt64(seed)))
        for _ in 0..<400 { dialogue.step() }
        dialogue.finish()
        for (side, other) in [(sides[0], sides[1]), (sides[1], sides[0])] {
            #expect(other.heard.messages == side.sent)
            #expect(other.heard.filter { if case .ping = $0 { true } else { false } } == side.pings)
            // Each pong answers a ping, in their order; some pings were too many.
            var pings = side.pings[...]
            for case .pong(let bytes) in side.heard {
                let index = pings.firstIndex(of: .ping(bytes))
                #expect(index != nil)
                pings = pings[((index ?? pings.startIndex - 1) + 1)...]
            }
            #expect(side.connection.state == CWS_STATE_OPEN && side.connection.memory <= 8192)
        }
        #expect(sides.allSatisfy { !$0.sent.isEmpty })

        // And the end, at once from both.
        #expect(sides[0].connection.close(1000) == 0 && sides[1].connection.close(1001) == 0)
        dialogue.finish()
        #expect(sides.allSatisfy { $0.connection.state == CWS_STATE_CLOSED })
        #expect(sides[0].heard.last == .close(1001, []) && sides[1].heard.last == .close(1000, []))
    }
}
