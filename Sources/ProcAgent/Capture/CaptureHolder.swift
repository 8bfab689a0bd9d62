package import ProcCore
package import ProcIO

/// Holds descriptors of one capture for whoever comes after this program.
///
/// All calls are made on the loop. What is still held when the capture is closed, or was abandoned, goes with its
/// process: it is not dropped one by one.
package protocol CaptureHolder: AnyObject {
    /// Has `file` held under `slot` (in place of the one there); `then` is called, maybe at once, on the loop, when
    /// that will stay whatever becomes of this program.
    func hold(_ file: SharedFD, slot: UInt8, then: @escaping () -> Void)

    func drop(slot: UInt8)

    /// Puts a fact on record, at once.
    func record(_ record: CaptureRecord)
}

/// Which files of a capture are held, and where.
final class HeldFiles {
    /// For what there is from the start to the end: the pipe, or the file that the process writes to.
    static let first: UInt8 = 0

    private let holder: (any CaptureHolder)?
    private(set) var files: [UInt8: SharedFD]

    /// - Parameters:
    ///   - holder: Nil: from now on nobody holds anything.
    ///   - files: What is held already, or from the start of the process on.
    init(_ holder: (any CaptureHolder)?, _ files: [UInt8: SharedFD]) {
        self.holder = holder
        self.files = files
    }

    /// What there is at the start.
    var atStart: [(slot: UInt8, file: SharedFD)] { files.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

    /// Has one more held; `then` is told where.
    func hold(_ file: SharedFD, then: @escaping (UInt8) -> Void) {
        // There are at most KeptOutput.mostFiles, and two more.
        guard let slot = (1...UInt8.max).first(where: { files[$0] == nil }) else {
            preconditionFailure("a capture has too many files")
        }
        files[slot] = file
        guard let holder else { return then(slot) }
        holder.hold(file, slot: slot) { then(slot) }
    }

    /// Has all but `kept` dropped.
    func keepOnly(_ kept: [SharedFD]) {
        for (slot, file) in files where !kept.contains(where: { $0 === file }) {
            files[slot] = nil
            holder?.drop(slot: slot)
        }
    }

    func record(_ record: CaptureRecord) { holder?.record(record) }
}
