internal import ProcCore
internal import ProcIO

/// Captured output as it goes out in a message: read a piece at a time, on a worker, a little ahead of the connection.
///
/// So a message of any size takes the memory of some pieces, and a slow disk holds up nobody else.
final class OutputSource: MessageSource {
    /// Large enough that handing a piece from thread to thread costs nothing beside reading it.
    private static let pieceSize = 256 << 10
    /// How many pieces are read before they are wanted.
    private static let ahead = 2

    private let message: OutputMessage
    private let reader: CaptureReader
    private let worker: Worker
    private var hasGivenHead = false
    private var pieces: [[UInt8]] = []
    /// Bytes that no read was asked for.
    private var rest: Int
    private var isReading = false
    private var failure: CaptureReadError?
    private var isAwaited = false

    /// Called when there is more after ``MessagePiece/later``.
    var resumed: () -> Void = {}
    /// Called once when reading fails; the message can't be ended then.
    var failed: (CaptureReadError) -> Void = { _ in }

    init(_ message: OutputMessage, of output: ReadableOutput, from start: UInt64, worker: Worker) {
        self.message = message
        self.worker = worker
        reader = CaptureReader(output.snapshot, from: Int(start))
        rest = Int(message.dataCount)
    }

    /// Reads the first piece. Only behind ``then`` is it a message: until it has been read, an error can be told.
    func begin(then: @escaping (CaptureReadError?) -> Void) {
        readPiece { [self] in then(failure) }
    }

    private func readAhead() {
        guard !isReading, failure == nil, rest > 0, pieces.count < Self.ahead else { return }
        readPiece { [weak self] in
            guard let self else { return }
            if let failure { failed(failure) }
            guard isAwaited else { return readAhead() }
            isAwaited = false
            resumed()
        }
    }

    private func readPiece(then: @escaping () -> Void) {
        let count = min(rest, Self.pieceSize)
        let reader = reader
        rest -= count
        isReading = true
        worker.run { () -> Result<[UInt8], CaptureReadError> in
            do throws(CaptureReadError) {
                let piece = try reader.read(count)
                return piece.count == count ? .success(piece) : .failure(.shorter)
            } catch {
                return .failure(error)
            }
        } then: { [weak self] result in
            guard let self else { return }
            isReading = false
            switch result {
            case .success(let piece): pieces.append(piece)
            case .failure(let failure): self.failure = failure
            }
            then()
        }
    }

    func nextPiece() throws -> MessagePiece {
        if !hasGivenHead {
            hasGivenHead = true
            return .bytes(message.head)
        }
        if !pieces.isEmpty {
            let piece = pieces.removeFirst()
            readAhead()
            return .bytes(piece)
        }
        if let failure { throw failure }
        guard isReading || rest > 0 else { return .end }
        isAwaited = true
        readAhead()
        return .later
    }
}
