internal import ProcCore
internal import ProcIO

/// What is left of a capture through a pipe when the program that made it is gone.
struct PipeRemains {
    enum Content {
        case plain(KeptOutput)
        case compressed(GzipFile, CaptureRecord.Compressed)
        /// It was given up, or has to be now.
        case failed(String, isOnRecord: Bool)
    }

    /// Nil: it had ended.
    let pipe: SharedFD?
    let content: Content

    /// - Parameters:
    ///   - held: What somebody else held, by slot.
    ///   - record: What was on record.
    init(
        _ parameters: CaptureParameters, files: UnnamedFile, held: [UInt8: SharedFD], record: CaptureRecord?
    ) {
        pipe = held[HeldFiles.first]
        do throws(RestoreFailure) {
            switch record {
            case .failed(let reason)?:
                content = .failed(reason, isOnRecord: true)
            case .compressed(let record)?:
                content = .compressed(try GzipFile(record, held: held), record)
            case nil:
                let others = held.filter { $0.key != HeldFiles.first }
                content = .plain(try KeptOutput(parameters, files: files, restoring: Array(others.values)))
            }
        } catch {
            content = .failed("\(error)", isOnRecord: false)
        }
    }
}
