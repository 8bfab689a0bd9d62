internal import Glibc
internal import ProcAgent

/// What an agent asks a program that is to take its place: `--check-hand-over LEDGER KEEPER FOLDER OPTIONS…`, which
/// is no option for people.
struct HandOverCheck: Equatable {
    static let word = "--check-hand-over"
    /// What it prints when all is well.
    static let assent = "ok"

    /// The version of the agent's ledger.
    let ledger: Int
    /// The version that its keeper speaks.
    let keeper: Int
    /// Its state folder.
    let folder: String
    /// What it will be started with.
    let options: [String]

    init(ledger: Int, keeper: Int, folder: String, options: [String]) {
        self.ledger = ledger
        self.keeper = keeper
        self.folder = folder
        self.options = options
    }

    /// Nil for another command line.
    init?(_ arguments: [String]) throws(UsageError) {
        guard arguments.first == Self.word else { return nil }
        guard arguments.count >= 4, let ledger = Int(arguments[1]), let keeper = Int(arguments[2]) else {
            throw UsageError("\(Self.word) wants the versions of a ledger and of a keeper, a folder, and options")
        }
        self.init(ledger: ledger, keeper: keeper, folder: arguments[3], options: Array(arguments[4...]))
    }

    var arguments: [String] { [Self.word, "\(ledger)", "\(keeper)", folder] + options }

    /// Answers; the result is the exit status.
    func main(_ environment: [String: String]) -> CInt {
        if let objection = HandOver.objection(ledger: ledger, keeper: keeper) {
            complain(objection)
            return ExitStatus.failure
        }
        do throws(StateFolder.Problem) {
            guard try StateFolder.isThere(folder) else {
                complain("\(folder): no such folder")
                return ExitStatus.failure
            }
        } catch {
            complain("\(error)")
            return ExitStatus.failure
        }
        do throws(UsageError) {
            guard case .agent = try Command.parse(options, environment: environment) else {
                complain("it would not be an agent")
                return ExitStatus.failure
            }
        } catch {
            complain("\(error)")
            return ExitStatus.failure
        }
        print(Self.assent)
        return ExitStatus.success
    }
}
