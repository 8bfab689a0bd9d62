internal import CLinux
internal import Glibc
package import ProcCore
internal import ProcIO

/// Where an agent finds again what must outlive it: its keeper's socket, the ledger, and its connection id. One agent
/// at a time has it, by a lock, which goes with the object.
///
/// It is the folder of `--state-dir`, which stays, or else a runtime folder, which goes with the agent.
package final class StateFolder {
    package let path: String
    /// The agent's name for its scheduler.
    package let connID: String
    /// Whether it is there for this agent's time only.
    package let isRuntime: Bool
    private let folder: SharedFD
    private let lock: FolderLock

    static let socketFile = "keeper.sock"
    /// The keeper's own lock (docs/keeper.md).
    static let keeperLockFile = "keeper.sock.lock"

    /// Where the keeper listens, and where it is found.
    package var socketPath: String { "\(path)/\(Self.socketFile)" }
    package var ledgerPath: String { "\(path)/ledger" }
    /// The lock's descriptor, which a program that takes this one's place has to get.
    package var lockDescriptor: CInt { lock.descriptor }

    /// Why a folder can't be had.
    package enum Problem: Error, Equatable, CustomStringConvertible {
        /// - Parameters:
        ///   - subject: As whoever started the agent knows it: `--state-dir /var/lib/procstar`.
        ///   - pid: Of the agent that has it.
        case inUse(_ subject: String, pid: CInt?)
        /// Its owner, mode or name won't do, or what is in it.
        case unfit(String)
        case system(SystemError)

        package var description: String {
            switch self {
            case .inUse(let subject, let pid):
                "\(subject) is in use by " + (pid.map { "the agent with pid \($0)" } ?? "another agent")
            case .unfit(let reason): reason
            case .system(let error): error.description
            }
        }
    }

    /// - Parameter connID: Nil for the one that it had, or else a random one.
    init(
        _ path: String, _ folder: SharedFD, lock: FolderLock, connID: String?, isRuntime: Bool
    ) throws(Problem) {
        self.path = path
        self.folder = folder
        self.lock = lock
        self.isRuntime = isRuntime
        let stored = connID == nil ? try Self.storedConnID(path) : nil
        self.connID = connID ?? stored ?? Self.randomConnID()
        do throws(SystemError) {
            try lock.sign()
            if stored == nil { try write(self.connID, to: Self.connIDFile) }
        } catch {
            throw .system(error)
        }
        // systemd-tmpfiles(8) removes what is old, but nothing in a folder that is locked.
        _ = clinux_lock(folder.rawValue, false)
    }

    // MARK: The connection id

    private static let connIDFile = "conn-id"
    /// Far above any.
    private static let connIDLimit = 64 << 10

    static func randomConnID() -> String {
        var random = SystemRandomNumberGenerator()
        return RandomUUID.text(using: &random)
    }

    /// Nil where none is stored.
    static func storedConnID(_ path: String) throws(Problem) -> String? {
        let file: ConfigurationFile
        do throws(ConfigurationFile.Failure) {
            file = try ConfigurationFile(path: "\(path)/\(connIDFile)", limit: connIDLimit)
        } catch {
            guard error.isAbsence else { throw .unfit("\(error)") }
            return nil
        }
        let line = file.bytes.last == UInt8(ascii: "\n") ? file.bytes.dropLast() : file.bytes[...]
        guard let id = String(validating: line, as: UTF8.self) else {
            throw .unfit("\(file.path), which has the connection id, is not UTF-8; give --conn-id ID")
        }
        return id.isEmpty ? nil : id
    }

    // MARK: What is written into it

    /// Where it is told what came of an upgrade.
    package static func upgradePath(in folder: String) -> String { "\(folder)/upgrade" }

    /// Tells whoever asked for an upgrade what has come of it.
    package func tell(_ outcome: UpgradeOutcome) throws(SystemError) { try write(outcome.line, to: "upgrade") }

    /// Writes a line so that nobody, at no time, finds half of it.
    private func write(_ line: String, to name: String) throws(SystemError) {
        let draft = "\(name).new"
        let file = try OwnedFD(
            result: clinux_open(folder.rawValue, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600),
            "open", on: "\(path)/\(draft)")
        let bytes = Array("\(line)\n".utf8)
        // To the disk before it gets its name: after a loss of power there is the old one or the new one.
        guard Glibc.write(file.rawValue, bytes, bytes.count) == bytes.count, fsync(file.rawValue) == 0 else {
            throw .last("write", on: "\(path)/\(draft)")
        }
        guard renameat(folder.rawValue, draft, folder.rawValue, name) == 0 else {
            throw .last("rename", on: "\(path)/\(draft)")
        }
    }

    // MARK: The end

    /// Gives it up, at an orderly end.
    ///
    /// - Parameter removing: A later agent could want nothing that is in it: a runtime folder goes, and of a state
    ///   folder what would mislead.
    package func release(removing: Bool) {
        lock.unsign()
        guard removing else { return }
        if isRuntime {
            _ = RuntimeBase.remove(path, folder.rawValue)
        } else {
            unlink(Self.upgradePath(in: path))
            // A keeper that is there takes its socket away itself.
            if FolderLock.isFree(Self.keeperLockFile, in: folder.rawValue) { unlink(socketPath) }
        }
    }
}
