import ProcCore
import TestSupport
import Testing

@Suite struct LaunchEnvironmentTests {
    /// The entries that a child of a procstar with `own` as its environment is given, in their order.
    static func entries(_ env: String, own: [String]) throws -> [String] {
        let fds = #""fds": [["stdout", {"capture": {"encoding": "utf-8"}}]]"#
        let result = try Procstar.result(
            of: #""argv": ["/bin/cat", "/proc/self/environ"], "env": \#(env), \#(fds)"#, environment: own)
        let text = try #require(result.captured("stdout"), "\(result.errors)")
        return text.split(separator: "\0").map(String.init)
    }

    static let own = ["A=1", "B=two words", "EMPTY=", "C=x=y", "Ü=ö"]

    @Test(arguments: [
        (#"{}"#, own),
        (#"{"inherit": true}"#, own),
        (#"{"inherit": false}"#, []),
        (#"{"inherit": []}"#, []),
        // In procstar's order, whatever the list's.
        (#"{"inherit": ["C", "absent", "A", "A"]}"#, ["A=1", "C=x=y"]),
        (#"{"inherit": ["EMPTY", "Ü"]}"#, ["EMPTY=", "Ü=ö"]),
        (#"{"vars": {"A": "new", "Z": "last", "Y": ""}}"#, ["A=new"] + own.dropFirst() + ["Z=last", "Y="]),
        (#"{"vars": {"A": null, "absent": null}}"#, Array(own.dropFirst())),
        (#"{"inherit": ["A"], "vars": {"B": "mine", "A": null}}"#, ["B=mine"]),
        (#"{"inherit": false, "vars": {"A": "ä\n\t=", "B": null}}"#, ["A=ä\n\t="]),
    ])
    func theEnvironmentIsWhatTheSpecSays(env: String, expected: [String]) throws {
        #expect(try Self.entries(env, own: Self.own) == expected)
    }

    @Test func aVariableThatProcstarHasTwiceIsPassedOnTwiceAndReplacedOnce() throws {
        let own = ["A=1", "B=2", "A=3"]
        #expect(try Self.entries("{}", own: own) == own)
        #expect(try Self.entries(#"{"vars": {"A": "x"}}"#, own: own) == ["A=x", "B=2"])
        #expect(try Self.entries(#"{"vars": {"A": null}}"#, own: own) == ["B=2"])
    }

    static let secrets = ["PROCSTAR_AGENT_TOKEN", "PROCSTAR_AGENT_CERT", "PROCSTAR_AGENT_KEY"]

    @Test(arguments: [#"{}"#, json(Value.map([Value.Member("inherit", .array(secrets.map { .string($0) }))]))])
    func procstarsOwnSecretsAreNotPassedOn(env: String) throws {
        let own = Self.secrets.map { "\($0)=secret" } + ["PROCSTAR_AGENT_TOKENS=kept"]
        #expect(try Self.entries(env, own: own).filter { $0.contains("secret") } == [])
        if env == "{}" { #expect(try Self.entries(env, own: own) == ["PROCSTAR_AGENT_TOKENS=kept"]) }
    }

    @Test(arguments: secrets)
    func aSpecMaySetWhatIsNotPassedOn(name: String) throws {
        let own = ["\(name)=secret", "A=1"]
        #expect(try Self.entries(#"{"vars": {"\#(name)": "own"}}"#, own: own).sorted() == ["A=1", "\(name)=own"])
    }

    @Test func bytesThatAreNotUTF8PassThroughUnchanged() throws {
        // The child compares what it was given with what procstar was.
        let members = shell("cmp /proc/$PPID/environ /proc/$$/environ && echo same; printenv BAD | od -An -tx1")
        let results = try Procstar.results(
            by: #"BAD=$(printf 'a\377\200\301b'); export BAD; exec "$0" "$@""#, document(members))
        #expect(results["p"]?.captured("stdout") == "same\n 61 ff 80 c1 62 0a\n")
        let replaced = try Procstar.results(
            by: #"BAD=$(printf '\377'); A=1; export BAD A; exec "$0" "$@""#,
            document(
                shell(#"env | grep -ac '^BAD='; printenv BAD A | od -An -tx1"#) + #", "env": {"vars": {"A": "2"}}"#))
        #expect(replaced["p"]?.captured("stdout") == "1\n ff 0a 32 0a\n")
    }

    @Test(arguments: [("", "an empty name"), ("A=B", "a = in its name"), ("A\0", "a NUL byte in its name")])
    func aVariableThatCannotBeIsAnErrorOfItsProcess(name: String, reason: String) throws {
        let results = try Procstar.results(
            #"{"specs": {"bad": {"argv": ["/bin/true"], "env": {"vars": {\#(json(name)): "x"}}}, "#
                + #""good": {"argv": ["/bin/true"]}}}"#)
        #expect(results["bad"]?.errors.count == 1)
        #expect(results["bad"]?.errors.first?.hasSuffix(reason) == true, "\(results["bad"]?.errors ?? [])")
        #expect(results["good"]?.exitCode == 0)
    }

    @Test func aReportShowsTheEnvironmentThatTheProcessWasGiven() throws {
        let spec = #""argv": ["/bin/true"], "env": {"inherit": ["A", "TOKEN"], "vars": {"Z": "ä"}, "report": true}"#
        let result = try Procstar.result(of: spec, environment: Self.own)
        #expect(result["env"] == .map([Value.Member("A", .string("1")), Value.Member("Z", .string("ä"))]))
    }

    @Test func withoutARequestTheEnvironmentIsNotShown() throws {
        #expect(try Procstar.result(of: #""argv": ["/bin/true"]"#)["env"] == nil)
        #expect(try Procstar.result(of: #""argv": ["/bin/true"], "env": {"report": false}"#)["env"] == nil)
    }

    @Test func aReportHoldsNoSecretAndNoInvalidText() throws {
        let results = try Procstar.results(
            by:
                #"BAD=$(printf 'a\377b'); PROCSTAR_AGENT_TOKEN=secret; export BAD PROCSTAR_AGENT_TOKEN; exec "$0" "$@""#,
            document(#""argv": ["/bin/true"], "env": {"report": true}"#))
        let env = try #require(results["p"]?["env"])
        #expect(env["BAD"]?.text == "a\u{fffd}b")
        #expect(env["PROCSTAR_AGENT_TOKEN"] == nil)
    }
}
