import ProcCore
import TestSupport
import Testing

@Suite struct RestrictExeTests {
    /// The errors of each process of `specs`, by id, under `rules`.
    static func errors(_ rules: [String], _ specs: [String: String]) throws -> [String: [String]] {
        let members = specs.map { #"\#(json($0.key)): {\#($0.value), "fds": {"stdout": {"null": {}}}}"# }
        let results = try Procstar.results(
            "{\"specs\": {\(members.joined(separator: ", "))}}", rules.flatMap { ["--restrict-exe", $0] })
        return specs.reduce(into: [:]) { $0[$1.key] = results[$1.key]?.errors }
    }

    @Test func onlyTheNamedExecutableStartsAndTheOthersFailAlone() throws {
        let found = try Self.errors(
            ["/bin/true"],
            [
                "good": #""argv": ["/bin/true", "any", "argument"]"#,
                "named otherwise": #""argv": ["other name"], "exe": "/bin/true""#,
                "bad": #""argv": ["/bin/false"]"#,
                "disguised": #""argv": ["/bin/true"], "exe": "/bin/false""#,
                "another way": #""argv": ["/bin/../bin/true"]"#,
                "link": #""argv": ["/usr/bin/true"]"#,
                "shell": #""command": "/bin/true""#,
            ])
        #expect(
            found == [
                "good": [], "named otherwise": [], "bad": ["restricted executable: /bin/false"],
                "disguised": ["restricted executable: /bin/false"],
                "another way": ["restricted executable: /bin/../bin/true"],
                "link": ["restricted executable: /usr/bin/true"], "shell": ["restricted executable: /bin/sh"],
            ])
    }

    @Test func aRefusedProcessIsNotRun() throws {
        let folder = TemporaryDirectory()
        let results = try Procstar.results(
            document(#""argv": ["/usr/bin/touch", \#(json(folder.path("marker")))]"#), ["--restrict-exe", "/bin/true"])
        #expect(results["p"]?.state == "error" && results["p"]?.cause == "start-failure")
        #expect(contents(of: folder.path("marker")) == nil)
    }

    @Test func anyOfSeveralRulesSuffices() throws {
        let found = try Self.errors(
            ["/bin/true", "/bin/echo hello ...", "/bin/echo bye"],
            [
                "true": #""argv": ["/bin/true"]"#, "hello": #""argv": ["/bin/echo", "hello", "world"]"#,
                "bye": #""argv": ["/bin/echo", "bye"]"#, "more": #""argv": ["/bin/echo", "bye", "now"]"#,
            ])
        #expect(found["true"] == [] && found["hello"] == [] && found["bye"] == [])
        #expect(found["more"] == ["restricted executable: /bin/echo: not with these arguments"])
    }

    @Test func patternsBindEveryArgument() throws {
        let rule = "/bin/echo -n /data/* 'two words' \\* ..."
        let found = try Self.errors(
            [rule],
            [
                "fits": #""argv": ["/bin/echo", "-n", "/data/x/y", "two words", "*"]"#,
                "and more": #""argv": ["/bin/echo", "-n", "/data/", "two words", "*", "more", ""]"#,
                "wrong word": #""argv": ["/bin/echo", "-n", "/dat", "two words", "*"]"#,
                "literal star": #""argv": ["/bin/echo", "-n", "/data/", "two words", "x"]"#,
                "too few": #""argv": ["/bin/echo", "-n"]"#,
                "joined": #""argv": ["/bin/echo", "-n /data/x two words *"]"#,
            ])
        #expect(found.filter { $0.value.isEmpty }.keys.sorted() == ["and more", "fits"])
    }

    @Test(arguments: ["true", "", "/bin/", "/bin/*", "./true", "/bin/echo 'open", "/bin/echo ... more", "  "])
    func aValueThatCannotBeMeantIsRefused(rule: String) throws {
        let folder = TemporaryDirectory()
        let ended = try Procstar.run(
            document(#""argv": ["/usr/bin/touch", \#(json(folder.path("marker")))]"#),
            ["--print", "--restrict-exe=\(rule)"])
        #expect(ended.exitCode == 2 && ended.output.isEmpty)
        #expect(ended.errorText.hasPrefix("procstar: ") && ended.errorText.contains("--restrict-exe"))
        #expect(contents(of: folder.path("marker")) == nil)
    }
}
