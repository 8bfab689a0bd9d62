/// A request that cannot be run as a whole, phrased for its author.
///
/// Prints the place, what was found and what would do:
/// `specs.build.fds[2].capture.mode: "sideways" is not one of "tempfile", "memory"`.
package struct SpecError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One step from the whole document towards the place of the problem.
    package enum Step: Equatable, Sendable {
        case key(String)
        case index(Int)
    }

    /// Where in the document, outermost first; empty when the problem is the request's.
    package let path: [Step]
    package let problem: String
    /// Whether clients know this very text, so that it stands without a place.
    private let isVerbatim: Bool

    package init(_ problem: String, at path: [Step] = []) {
        self.path = path
        self.problem = problem
        isVerbatim = false
    }

    private init(verbatim problem: String) {
        path = []
        self.problem = problem
        isVerbatim = true
    }

    /// An error whose text is part of the protocol, such as `bad fd: TEXT`. It never gets a path.
    static func verbatim(_ problem: String) -> SpecError { SpecError(verbatim: problem) }

    /// The same problem, seen from one level further out.
    ///
    /// Decoders know only their own value; the path grows on the way up, so that it costs nothing without an error.
    package func under(_ step: Step) -> SpecError {
        isVerbatim ? self : SpecError(problem, at: [step] + path)
    }

    package var description: String {
        guard !path.isEmpty else { return problem }
        var place = ""
        for step in path {
            switch step {
            case .index(let index): place += "[\(index)]"
            case .key(let key): place += (place.isEmpty ? "" : ".") + (Self.isPlain(key) ? key : Quoted.text(key))
            }
        }
        return "\(place): \(problem)"
    }

    /// Whether a key can stand in a path without quotes.
    private static func isPlain(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= Quoted.shown
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// Runs `body`; an error it throws is placed below `step`, which is asked for only then.
func below<T>(
    _ step: @autoclosure () -> SpecError.Step, _ body: () throws(SpecError) -> T
) throws(SpecError) -> T {
    do throws(SpecError) { return try body() } catch { throw error.under(step()) }
}
