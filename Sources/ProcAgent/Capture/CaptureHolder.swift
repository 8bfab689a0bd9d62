internal import ProcCore
internal import ProcIO

/// Holds descriptors of one capture for whoever comes after this program.
protocol CaptureHolder: AnyObject {
    func hold(_ file: SharedFD, slot: UInt8, then: @escaping () -> Void)
    func drop(slot: UInt8)
    func record(_ record: CaptureRecord)
}
extension OutputCapture { var holdsBytesInMemory: Bool { false }; var heldAtStart: [(slot: UInt8, file: SharedFD)] { [] } }
extension CaptureFactory {
    func make(_ parameters: CaptureParameters, label: String, holder: (any CaptureHolder)?) throws(SystemError)
        -> any OutputCapture
    { try make(parameters, label: label) }
    func restore(
        _ parameters: CaptureParameters, label: String, held: [UInt8: SharedFD], record: CaptureRecord?,
        holder: (any CaptureHolder)?
    ) -> any OutputCapture { fatalError() }
}
