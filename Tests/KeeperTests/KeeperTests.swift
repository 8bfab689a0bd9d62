import TestSupport
import Testing

/// The cases of `keeper-driver`, an agent in C that speaks to real keepers about real processes. Each is a run of its
/// own; its name is the claim.
@Suite struct KeeperTests {
    static let driver = Procstar.built("keeper-driver")
    static let keeper = Procstar.built("procstar-keeper")

    /// What the driver lists; what went wrong with that, if it did, and so no case is missed silently.
    static let cases: [String] = {
        do {
            let listed = try ProgramRun([driver, "--list"]).finish()
            return listed.outputText.split(separator: "\n").map(String.init) + (listed.exitCode == 0 ? [] : ["--list"])
        } catch {
            return ["--list: \(error)"]
        }
    }()

    @Test(arguments: cases)
    func eachCaseOfTheDriverHolds(name: String) throws {
        let ended = try ProgramRun([Self.driver, Self.keeper, name]).finish()
        #expect(ended.exitCode == 0, "\(name): wait status \(ended.status), \(ended.errorText)")
    }
}
