internal import CKeeper
internal import ProcCore

/// The formats in which one agent leaves to the next what it knows, and whether the next can read them.
///
/// One apart works in either direction: who is newer knows the former format, too.
package enum HandOver {
    /// Of the ledger.
    package static let ledgerVersion = Int(LedgerHeader.version)
    /// Of what an agent and its keeper say to each other.
    package static let keeperVersion = Int(KEEPER_VERSION)

    /// Why this program can't go on where another one stops; nil if it can.
    ///
    /// - Parameters:
    ///   - ledger: The version of the ledger that is there.
    ///   - keeper: The version that the keeper speaks.
    package static func objection(ledger: Int, keeper: Int) -> String? {
        if let objection = objection("the ledger", ledger, ledgerVersion) { return objection }
        return objection("the keeper's protocol", keeper, keeperVersion)
    }

    /// Whether it can speak to a keeper of that version.
    package static func suits(keeper: Int) -> Bool { objection("", keeper, keeperVersion) == nil }

    private static func objection(_ what: String, _ theirs: Int, _ ours: Int) -> String? {
        guard theirs < ours - 1 || theirs > ours + 1 else { return nil }
        return "\(what) has version \(theirs), and this procstar knows \(max(ours - 1, 1)) to \(ours + 1)"
    }
}

/// What has come of an upgrade.
package enum UpgradeOutcome: Equatable, Sendable {
    /// - Parameter version: Of the program that runs now.
    case done(version: String)
    /// The former program goes on.
    case failed(reason: String)

    /// In one line, as the folder has it.
    package var line: String {
        switch self {
        case .done(let version): "done \(version)"
        case .failed(let reason): "failed \(reason.split(whereSeparator: \.isNewline).joined(separator: "; "))"
        }
    }

    /// Nil for what is no such line.
    package init?(parsing line: String) {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "done": self = .done(version: parts[1])
        case "failed": self = .failed(reason: parts[1])
        default: return nil
        }
    }
}
