/// Which agent is meant.
enum UpgradeTarget: Equatable {
    /// By the folder of its `--state-dir`.
    case stateDirectory(String)
    /// By its connection id.
    case connID(String)
}

extension Command {
    /// Parses what follows the word `upgrade`.
    static func upgrade(
        _ arguments: ArraySlice<String>, environment: [String: String]
    ) throws(UsageError) -> Command {
        var target: UpgradeTarget?
        var scanner = OptionScanner(Array(arguments))
        while let item = try scanner.next() {
            switch item {
            case .flag(.help): return .help
            case .flag(.version): return .version
            case .option(let option, ""): throw UsageError("option \(option.spelling) has an empty value")
            case .option(.stateDir, let path): try set(&target, .stateDirectory(path))
            case .option(.connID, let id): try set(&target, .connID(id))
            case .option(let option, _), .flag(let option):
                throw UsageError("option \(option.spelling) has no meaning for \(upgradeWord)")
            case .operand(let text): throw UsageError("\(upgradeWord) takes no INPUT, and there is \(text)")
            }
        }
        if target == nil, let path = environment["PROCSTAR_STATE_DIR"], !path.isEmpty {
            target = .stateDirectory(path)
        }
        guard let target else {
            throw UsageError("\(upgradeWord) needs --state-dir DIR or --conn-id ID, to know which agent is meant")
        }
        return .upgrade(target)
    }

    private static func set(_ target: inout UpgradeTarget?, _ new: UpgradeTarget) throws(UsageError) {
        guard target == nil else {
            throw UsageError("\(upgradeWord) is about one agent: give one --state-dir DIR or one --conn-id ID")
        }
        target = new
    }
}
