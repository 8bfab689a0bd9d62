internal import Glibc
internal import ProcAgent

/// What an agent asks a program that is to take its place: `--check-hand-over LEDGER KEEPER FOLDER`, which is no
/// option for people.
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

    init(ledger: Int, keeper: Int, folder: String) {
        self.ledger = ledger
        self.keeper = keeper
        self.folder = folder
    }

    /// Nil for another command line.
    init?(_ arguments: [String]) throws(UsageError) {
        guard arguments.first == Self.word else { return nil }
        guard arguments.count == 4, let ledger = Int(arguments[1]), let keeper = Int(arguments[2]) else {
            throw UsageError("\(Self.word) wants the versions of a ledger and of a keeper, and a folder")
        }
        self.init(ledger: ledger, keeper: keeper, folder: arguments[3])
    }

    var arguments: [String] { [Self.word, "\(ledger)", "\(keeper)", folder] }

    /// Answers; the result is the exit status.
    func main() -> CInt {
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
        print(Self.assent)
        return ExitStatus.success
    }
}
