import ProcCore
import Testing

@Suite struct ExecutableRestrictionTests {
    /// Values, the executable and its arguments after `argv[0]`, and the verdict.
    static let verdicts: [(values: [String], executable: String, arguments: [String], ExecutableRestriction.Verdict)] =
        [
            (["/bin/ls"], "/bin/ls", [], .allowed),
            (["/bin/ls"], "/bin/ls", ["-l", "..."], .allowed),
            (["/bin/ls"], "/bin/lsx", [], .executableRefused),
            (["/bin/ls"], "/bin//ls", [], .executableRefused),
            (["/bin/ls"], "ls", [], .executableRefused),
            (["/bin/ls", "/bin/cat"], "/bin/cat", ["x"], .allowed),
            (["/bin/ls ..."], "/bin/ls", [], .allowed),
            (["/bin/ls ..."], "/bin/ls", ["a", "b"], .allowed),
            (["/bin/ls -l ..."], "/bin/ls", ["-l"], .allowed),
            (["/bin/ls -l ..."], "/bin/ls", ["-l", "a", "b"], .allowed),
            (["/bin/ls -l ..."], "/bin/ls", [], .argumentsRefused),
            (["/bin/ls -l ..."], "/bin/ls", ["a", "-l"], .argumentsRefused),
            (["/bin/ls -l"], "/bin/ls", ["-l"], .allowed),
            (["/bin/ls -l"], "/bin/ls", ["-l", "x"], .argumentsRefused),
            (["/bin/ls -l"], "/bin/ls", ["-L"], .argumentsRefused),
            (["/bin/ls -l"], "/bin/cat", ["-l"], .executableRefused),
            (["/bin/ls ''"], "/bin/ls", [""], .allowed),
            (["/bin/ls ''"], "/bin/ls", [], .argumentsRefused),
            (["/bin/ls a", "/bin/ls b"], "/bin/ls", ["b"], .allowed),
            (["/bin/ls '...'"], "/bin/ls", ["..."], .allowed),
            (["/bin/ls '...'"], "/bin/ls", ["x"], .argumentsRefused),
            (["/bin/ls '...' x"], "/bin/ls", ["...", "x"], .allowed),
            (["'/opt/my tool'"], "/opt/my tool", ["x"], .allowed),
            ([#"/opt/my\ tool"#], "/opt/my tool", [], .allowed),
            (["/opt/my tool"], "/opt/my tool", [], .executableRefused),
            ([#""/opt/a\"b" "c d""#], #"/opt/a"b"#, ["c d"], .allowed),
            ([#""/opt/a\b""#], #"/opt/a\b"#, [], .allowed),
            (["'/opt/*'"], "/opt/*", [], .allowed),
            (["'/opt/*'"], "/opt/x", [], .executableRefused),
            ([" \t/bin/ls\n"], "/bin/ls", ["x"], .allowed),
            (["/bin/ls 'a'\"b\"c"], "/bin/ls", ["abc"], .allowed),
            (["/bin/ls café"], "/bin/ls", ["cafe\u{301}"], .argumentsRefused),
            (["/bin/café"], "/bin/cafe\u{301}", [], .executableRefused),
        ]

    @Test(arguments: verdicts.indices)
    func aProcessIsAllowedWhenOneValueAllowsIt(index: Int) throws {
        let (values, executable, arguments, verdict) = Self.verdicts[index]
        let restriction = try #require(try ExecutableRestriction(values))
        #expect(restriction.verdict(executable: executable, argv: ["any name"] + arguments) == verdict)
        #expect(restriction.values == values)
    }

    @Test(arguments: [
        ("*", "", true), ("*", "anything at all", true), ("a*", "a", true), ("a*", "ba", false), ("*a", "ba", true),
        ("*a", "ab", false), ("a*a", "a", false), ("a*a", "aa", true), ("a*b*c", "aXbYc", true),
        ("a*b*c", "acb", false),
        ("a*bc*c", "abcc", true), ("a*bc*c", "abc", false), ("**", "", true), ("a**b", "ab", true),
        ("*ab*ab*", "abab", true), ("*ab*ab*", "aba", false), ("/data/*", "/data/x/y", true),
        ("/data/*", "/data", false), (#"\*"#, "*", true), (#"\*"#, "x", false), ("'a*'b", "a*b", true),
        ("'a*'b", "axb", false), ("'*'*", "*x", true), ("'*'*", "x", false), ("...*", "...", true),
        ("...*", "x", false), (#"\..."#, "...", true), (#"\..."#, "x", false), ("....", "....", true),
    ])
    func aStarStandsForAnyRunOfCharacters(pattern: String, argument: String, matches: Bool) throws {
        let restriction = try #require(try ExecutableRestriction(["/x \(pattern)"]))
        let verdict = restriction.verdict(executable: "/x", argv: ["x", argument])
        #expect(verdict == (matches ? .allowed : .argumentsRefused))
    }

    @Test(arguments: [
        ("", "empty; an absolute path is needed, such as /usr/bin/rsync"),
        (" \t", "empty; an absolute path is needed, such as /usr/bin/rsync"),
        ("ls", "not an absolute path; there is no search along PATH"),
        ("./ls -l", "not an absolute path; there is no search along PATH"),
        ("'' x", "not an absolute path; there is no search along PATH"),
        ("/bin/", "a directory; the path of an executable is needed"),
        ("/bin/*", "a * in the executable's path; only arguments can have one (a literal * needs quotes)"),
        ("*", "a * in the executable's path; only arguments can have one (a literal * needs quotes)"),
        ("/bin/ls ... x", "... stands for all further arguments, so it has to be the last word (or quoted)"),
        ("/bin/ls ... ...", "... stands for all further arguments, so it has to be the last word (or quoted)"),
        ("/bin/ls 'x", "a ' without its second one (a literal one needs a backslash)"),
        (#"/bin/ls x""#, #"a " without its second one (a literal one needs a backslash)"#),
        (#"/bin/ls "x\""#, #"a " without its second one (a literal one needs a backslash)"#),
        (#"/bin/ls \"#, "a backslash at the end, with nothing to keep (write two for a literal one)"),
    ])
    func aValueThatWouldNotDoWhatItSaysIsRefused(value: String, reason: String) {
        let shown = value.replacing(["\\", "\"", "\t"])
        #expect(
            text { _ = try ExecutableRestriction(["/bin/true", value]) } == "--restrict-exe \"\(shown)\": \(reason)")
    }

    @Test func withoutValuesThereIsNoRestriction() throws {
        #expect(try ExecutableRestriction([]) == nil)
    }
}

extension String {
    /// This text with a backslash before the characters that messages escape.
    fileprivate func replacing(_ escaped: Set<Character>) -> String {
        reduce(into: "") { $0 += escaped.contains($1) ? "\\" + ($1 == "\t" ? "t" : String($1)) : String($1) }
    }
}
