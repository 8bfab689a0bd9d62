internal import Glibc

/// The sanitizer that the tests, and the programs beside them, are built with, if any.
package enum Sanitizer {
    /// `NAME=VALUE` of its options, for a program that gets an environment of its own: a leak at exit is no failure.
    package static let variables: [String] = {
        let names = ["ASAN_OPTIONS", "TSAN_OPTIONS"]
        return names.compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=\(String(cString: $0))" }
        }
    }()

    /// It keeps memory that was given back, so that what a program takes up says nothing.
    package static var isOn: Bool { !variables.isEmpty }
}
