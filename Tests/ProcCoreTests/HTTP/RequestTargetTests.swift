import ProcCore
import Testing

@Suite struct RequestTargetTests {
    static func parse(_ text: String) throws(RequestTarget.Malformed) -> RequestTarget {
        let bytes = Array(text.utf8)
        let outcome = bytes.withUnsafeBufferPointer { bytes -> Result<RequestTarget, RequestTarget.Malformed> in
            do throws(RequestTarget.Malformed) {
                return .success(try RequestTarget(parsing: bytes))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    static let paths: [(String, [String])] = [
        ("", []), ("/", []), ("?a=b", []), ("/a", ["a"]), ("/a/", ["a", ""]), ("//a", ["", "a"]),
        ("/procs/a%2Fb/output", ["procs", "a/b", "output"]), ("/a+b", ["a+b"]), ("/%c3%BC", ["ü"]), ("*", ["*"]),
        ("/a/../b/.", ["a", "..", "b", "."]), ("/%2e%2E", [".."]),
    ]

    @Test(arguments: paths)
    func segmentsAreDecodedEachByItself(text: String, segments: [String]) throws {
        #expect(try Self.parse(text).segments == segments)
    }

    @Test func queryItemsComeInOrderWithAndWithoutValues() throws {
        let target = try Self.parse("/a?x=1&&y&x=&z=a%26b%3D+c%2B?&=v")
        #expect(
            target.query == [
                .init("x", "1"), .init("y", nil), .init("x", ""), .init("z", "a&b= c+?"), .init("", "v"),
            ])
        #expect(target.segments == ["a"])
        #expect(target.value(of: "x") == "1" && target.value(of: "y") == nil && target.value(of: "none") == nil)
    }

    static let wrong: [(String, String)] = [
        ("/a%", "the path has a % without two hexadecimal digits"),
        ("/a%2", "the path has a % without two hexadecimal digits"),
        ("/a%2g/b", "the path has a % without two hexadecimal digits"),
        ("/?a=%zz", "the query has a % without two hexadecimal digits"), ("/%00", "the path has a NUL in it"),
        ("/?%00=1", "the query has a NUL in it"), ("/%ff", "the path is not UTF-8"),
        ("/%c0%af", "the path is not UTF-8"), ("/?x=%ed%a0%80", "the query is not UTF-8"),
    ]

    @Test(arguments: wrong)
    func whatCannotBeDecodedIsNamed(text: String, reason: String) {
        let problem = #expect(throws: RequestTarget.Malformed.self) { try Self.parse(text) }
        #expect(problem.map { "\($0)" } == reason)
    }
}
