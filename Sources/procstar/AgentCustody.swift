internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// What an agent's processes outlive it by, as its options say; or that they don't.
struct AgentCustody {
    /// Nil when it could not be had.
    private(set) var folder: StateFolder?
    /// Nil when processes are the agent's own children.
    private(set) var custody: Custody?

    /// Finds or starts the keeper. Where there is none to be had, the log says so, and the agent does without.
    init(
        _ options: AgentOptions, inheritance: Inheritance, loop: EventLoop, log: Logger, environment: [String: String]
    ) throws {
        guard options.usesKeeper else { return }
        do {
            let folder = try Self.folder(options, environment)
            self.folder = folder
            custody = try Custody(
                folder, program: try Self.keeper(), keep: options.keep, version: Version.number,
                inheritance: inheritance, loop: loop, log: log)
        } catch let problem as StateFolder.Problem where problem.isConflict && options.stateDirectory != nil {
            throw problem
        } catch  where !options.isUpgrade {
            log.error(
                "processes will not outlive this agent, since it has no keeper for them",
                ["error": .string("\(error)"), "advice": .string("run procstar --agent --check")])
            folder?.release(removing: true)
            folder = nil
        }
    }

    private static func folder(
        _ options: AgentOptions, _ environment: [String: String]
    ) throws(StateFolder.Problem) -> StateFolder {
        if let succession = options.succession {
            return try .resume(lock: succession.lock, isRuntime: options.stateDirectory == nil)
        }
        if let path = options.stateDirectory { return try .open(path: path, connID: options.connID) }
        return try .runtime(connID: options.connID, environment: environment)
    }

    private static func keeper() throws -> KeeperProgram {
        let program = try OwnProgram.path()
        guard let keeper = KeeperProgram.find(for: program) else {
            throw Absence(description: "there is none of \(KeeperProgram.places(for: program).joined(separator: ", "))")
        }
        return keeper
    }

    private struct Absence: Error, CustomStringConvertible { let description: String }
}

extension StateFolder.Problem {
    /// Whether another agent has the folder.
    fileprivate var isConflict: Bool {
        if case .inUse = self { true } else { false }
    }
}
