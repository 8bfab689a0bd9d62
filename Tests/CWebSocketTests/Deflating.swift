import CWebSocket

/// One call's answer and what it did.
struct DeflateStep {
    var returned: Int
    var taken = 0
    var done = false
    var written: [UInt8] = []
}

/// What a message became, or the error that ended it, after what had been written by then.
struct DeflateOutcome: Equatable {
    var bytes: [UInt8] = []
    var error: Int32 = 0
}

/// A deflater or an inflater: both are driven the same way.
protocol DeflateTransform: AnyObject {
    typealias Call =
        @Sendable (
            OpaquePointer, UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Int>, UnsafeMutablePointer<UInt8>, Int, Bool,
            UnsafeMutablePointer<Bool>
        ) -> Int

    static var call: Call { get }
    var handle: OpaquePointer { get }
}

extension DeflateTransform {
    /// One call.
    func step(
        _ input: UnsafePointer<UInt8>, _ count: Int, end: Bool, output: UnsafeMutablePointer<UInt8>, capacity: Int
    ) -> DeflateStep {
        var step = DeflateStep(returned: 0)
        step.returned = Self.call(handle, input, count, &step.taken, output, capacity, end, &step.done)
        precondition(step.returned <= capacity && step.taken <= count, "\(step) of \(count), \(capacity)")
        step.written = Array(UnsafeBufferPointer(start: output, count: max(step.returned, 0)))
        return step
    }

    /// One call, with blocks of exactly the sizes it is told.
    func step(_ bytes: some Collection<UInt8>, end: Bool, capacity: Int) -> DeflateStep {
        withExactCopy(bytes) { input, count in
            withExactCopy([UInt8](repeating: 0xee, count: capacity)) { output, _ in
                step(input, count, end: end, output: output, capacity: capacity)
            }
        }
    }

    /// A message in pieces, the last of which is its end.
    func message(inPieces pieces: [[UInt8]], capacity: Int = 1000) -> DeflateOutcome {
        var outcome = DeflateOutcome()
        for (index, piece) in pieces.enumerated() {
            let end = index == pieces.count - 1
            var rest = piece[...]
            var idle = 0
            while true {
                let step = step(rest, end: end, capacity: capacity)
                guard step.returned >= 0 else {
                    outcome.error = Int32(step.returned)
                    return outcome
                }
                outcome.bytes += step.written
                rest = rest.dropFirst(step.taken)
                if step.done {
                    precondition(end && rest.isEmpty, "done with \(rest.count) bytes left, end: \(end)")
                    return outcome
                }
                if !end && rest.isEmpty && step.returned < capacity { break }
                idle = step.taken == 0 && step.returned == 0 ? idle + 1 : 0
                precondition(idle < 2, "no progress")
            }
        }
        preconditionFailure("no end")
    }

    func message(_ bytes: [UInt8], pieceSize: Int = .max, capacity: Int = 1000) -> DeflateOutcome {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        repeat {
            pieces.append(Array(rest.prefix(pieceSize)))
            rest = rest.dropFirst(pieceSize)
        } while !rest.isEmpty
        return message(inPieces: pieces, capacity: capacity)
    }
}

final class Deflater: DeflateTransform {
    static let call: Call = cws_deflate
    let handle: OpaquePointer

    init(windowBits: UInt8 = 15, keepsContext: Bool = true) {
        guard let handle = cws_deflater_new(windowBits, keepsContext) else { fatalError("out of memory") }
        self.handle = handle
    }

    deinit { cws_deflater_free(handle) }

    /// A message as its payload, which can't fail.
    func payload(_ bytes: [UInt8], pieceSize: Int = .max, capacity: Int = 1000) -> [UInt8] {
        let outcome = message(bytes, pieceSize: pieceSize, capacity: capacity)
        precondition(outcome.error == 0, "\(outcome)")
        return outcome.bytes
    }
}

final class Inflater: DeflateTransform {
    static let call: Call = cws_inflate
    let handle: OpaquePointer

    init(windowBits: UInt8 = 15, keepsContext: Bool = true) {
        guard let handle = cws_inflater_new(windowBits, keepsContext) else { fatalError("out of memory") }
        self.handle = handle
    }

    deinit { cws_inflater_free(handle) }
}
