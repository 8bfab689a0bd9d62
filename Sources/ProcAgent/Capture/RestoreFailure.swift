/// Why what is left of a capture doesn't make it whole again: a clause for people.
enum RestoreFailure: Error, Equatable, CustomStringConvertible {
    case missing(String)
    case inconsistent(String)

    var description: String {
        switch self {
        case .missing(let what): "take over captured output: \(what) is missing"
        case .inconsistent(let what): "take over captured output: \(what)"
        }
    }
}
