internal import ProcIO
extension OutputCapture { var heldAtStart: [(slot: UInt8, file: SharedFD)] { [] } }
