internal import Glibc
internal import ProcCore

/// How far a new process came before it failed.
enum SpawnStage {
    /// Its parent could not take the order up.
    case request
    case clone
    /// Its session, directory or descriptors.
    case setUp
    case exec

    func failure(_ errno: CInt, _ executable: String) -> StartFailure {
        let reason = SystemError.reason(of: errno)
        switch (self, errno) {
        case (.exec, _): return .execution(executable, reason: reason)
        case (.setUp, _): return .spawn(executable, reason: "set-up: \(reason)")
        case (.request, _): return .spawn(executable, reason: "\(reason) (in its keeper)")
        case (.clone, EAGAIN):
            return .spawn(executable, reason: "\(reason): the limit of processes is reached (ulimit -u)")
        case (.clone, EMFILE), (.clone, ENFILE):
            return .spawn(executable, reason: "\(reason): no descriptor is left to watch it by")
        case (.clone, _): return .spawn(executable, reason: reason)
        }
    }
}
