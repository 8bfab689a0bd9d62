/// The version that `--version` prints; CHANGELOG.md says what is in it.
enum Version {
    static let number = "0.1.0"
    /// What stands before the number.
    static let prefix = "procstar "
    static let text = "\(prefix)\(number)\n"
}
