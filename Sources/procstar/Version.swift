/// The version that `--version` prints; CHANGELOG.md says what is in it.
enum Version {
    static let number = "0.1.0"
    static let text = "procstar \(number)\n"
}
