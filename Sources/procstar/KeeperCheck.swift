internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcCore

/// Whether processes will outlive the agent, as the machine looks now.
enum KeeperCheck {
    private static let consequence = "processes will end with the agent"

    static let unwanted = CheckFinding.good("none is wanted: \(consequence)")

    /// Finds the program and asks it what it is.
    static func keeper() -> CheckFinding {
        let program: String
        do throws(SystemError) { program = try OwnProgram.path() } catch {
            return .warning("\(error)", advice: "\(consequence); mount /proc")
        }
        guard let keeper = KeeperProgram.find(for: program) else {
            let places = KeeperProgram.places(for: program).joined(separator: ", ")
            return .warning("there is none of \(places)", advice: "\(consequence); install procstar-keeper there")
        }
        var limit = rlimit()
        _ = clinux_get_file_limit(&limit)
        do throws(KeeperProgram.Mystery) {
            let version = try keeper.version(fileLimit: Int(clamping: limit.rlim_cur))
            guard !HandOver.suits(keeper: version) else { return .good("\(keeper.path), protocol \(version)") }
            return .warning(
                "\(keeper.path) speaks protocol \(version), and this procstar \(HandOver.keeperVersion)",
                advice: "\(consequence); install the one that belongs to this procstar")
        } catch {
            return .warning("\(error)", advice: "\(consequence); install procstar-keeper anew")
        }
    }

    /// Looks at the folder that an agent would have, without taking it.
    static func stateFolder(_ options: AgentOptions, environment: [String: String]) -> CheckFinding {
        let path: String
        do throws(StateFolder.Problem) {
            if let given = options.stateDirectory {
                guard try StateFolder.tryOut(given) else { return .good("\(given) will be made") }
                path = given
            } else {
                path = try StateFolder.runtimePath(connID: options.connID, environment: environment)
            }
        } catch {
            return .warning("\(error)", advice: consequence)
        }
        guard let agent = try? RunningAgent.find(in: path) else { return .good(path) }
        return .warning(
            "\(path) is in use by the agent with pid \(agent.pid)", advice: "end that one before you start another")
    }
}
