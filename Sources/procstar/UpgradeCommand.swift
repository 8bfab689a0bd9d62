internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// `procstar upgrade`: asks an agent to go on as the program that is installed now, and tells what has come of it.
struct UpgradeCommand {
    /// How long the agent gets: it asks the new program twice, at 5 s each, and takes everything over.
    private static let patience = Interval.seconds(30)
    private static let pause = Interval.milliseconds(20)

    private let folder: String
    private let agent: RunningAgent

    /// Runs it; the result is the exit status.
    static func main(_ target: UpgradeTarget, environment: [String: String]) -> CInt {
        // Here they shall simply end the program.
        SignalSource.unblock(handledSignals)
        return exitStatus {
            guard let command = try UpgradeCommand(target, environment: environment) else {
                complain("no agent runs \(target.place)")
                return ExitStatus.failure
            }
            return try command.run()
        }
    }

    /// Nil where no agent is.
    private init?(_ target: UpgradeTarget, environment: [String: String]) throws {
        switch target {
        case .stateDirectory(let path): folder = path
        case .connID(let id):
            guard let folder = RunningAgent.folder(connID: id, environment: environment) else { return nil }
            self.folder = folder
        }
        guard let agent = try RunningAgent.find(in: folder) else { return nil }
        self.agent = agent
    }

    private func run() throws -> CInt {
        let path = StateFolder.upgradePath(in: folder)
        // What came of an earlier one.
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemError.last("remove", on: path) }
        try agent.signal(SIGUSR2)
        let deadline = Instant.now + Self.patience
        while true {
            let hasEnded = agent.ends(within: Self.pause)
            switch outcome(path) {
            case .done(let version):
                ResultFile.standardOutput.tell(["the agent with pid \(agent.pid) is procstar \(version) now"])
                return ExitStatus.success
            case .failed(let reason):
                complain("not upgraded, the agent with pid \(agent.pid) goes on as it was: \(reason)")
                return ExitStatus.failure
            case nil: break
            }
            if hasEnded {
                complain("the agent with pid \(agent.pid) has ended; its log may say why")
                return ExitStatus.failure
            }
            if deadline <= .now {
                complain(
                    "the agent with pid \(agent.pid) has not said within \(Self.patience.shortText) "
                        + "what has come of the upgrade; its log may say more")
                return ExitStatus.failure
            }
        }
    }

    /// Nil as long as the agent hasn't told.
    private func outcome(_ path: String) -> UpgradeOutcome? {
        guard let file = try? ConfigurationFile(path: path, limit: 64 << 10) else { return nil }
        // The folder may be another user's, who could write anything.
        let line = String(decoding: file.bytes, as: UTF8.self).prefix { !$0.isNewline }
        return UpgradeOutcome(parsing: LogText.visible(String(line)))
    }
}

extension UpgradeTarget {
    /// To stand after `no agent runs`.
    fileprivate var place: String {
        switch self {
        case .stateDirectory(let path): "on \(path)"
        case .connID(let id): "with the connection id \(Quoted.text(id)); one with a --state-dir DIR is found by that"
        }
    }
}
