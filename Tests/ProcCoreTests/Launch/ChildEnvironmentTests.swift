import ProcCore
import Testing

@Suite struct ChildEnvironmentTests {
    typealias Variable = EnvironmentSpec.Variable

    struct Case: Sendable {
        var inherited: [String]
        var spec: EnvironmentSpec
        var expected: [String]
    }

    static let four = ["HOME=/root", "PATH=/bin", "EMPTY=", "EQ=a=b"]

    static let cases: [Case] = [
        Case(inherited: four, spec: EnvironmentSpec(), expected: four),
        Case(inherited: four, spec: EnvironmentSpec(inherit: .none), expected: []),
        Case(inherited: [], spec: EnvironmentSpec(), expected: []),
        // The order is the inherited one, whatever that of the names; absent names are nothing.
        Case(
            inherited: four, spec: EnvironmentSpec(inherit: .only(["EQ", "NONE", "HOME", "HOM", "EQ"])),
            expected: ["HOME=/root", "EQ=a=b"]),
        Case(
            inherited: four, spec: EnvironmentSpec(vars: [Variable("Z", "1"), Variable("A", "")]),
            expected: four + ["Z=1", "A="]),
        // A replacement takes the place of the old one.
        Case(
            inherited: four, spec: EnvironmentSpec(vars: [Variable("NEW", "1"), Variable("PATH", "/x")]),
            expected: ["HOME=/root", "PATH=/x", "EMPTY=", "EQ=a=b", "NEW=1"]),
        Case(
            inherited: four, spec: EnvironmentSpec(vars: [Variable("EQ", nil), Variable("NONE", nil)]),
            expected: ["HOME=/root", "PATH=/bin", "EMPTY="]),
        // What isn't inherited has no place to take.
        Case(
            inherited: four,
            spec: EnvironmentSpec(inherit: .only(["EQ"]), vars: [Variable("PATH", "/x"), Variable("EQ", "2")]),
            expected: ["EQ=2", "PATH=/x"]),
        Case(
            inherited: four, spec: EnvironmentSpec(inherit: .none, vars: [Variable("HOME", "/"), Variable("X", nil)]),
            expected: ["HOME=/"]),
        // Entries that programs have put there by hand are passed on.
        Case(
            inherited: ["no-sign", "=odd", "A=1", "", "A=2"], spec: EnvironmentSpec(),
            expected: ["no-sign", "=odd", "A=1", "", "A=2"]),
        Case(
            inherited: ["no-sign", "A=1", "B=1", "A=2"],
            spec: EnvironmentSpec(vars: [Variable("A", "3"), Variable("no-sign", "x")]),
            expected: ["no-sign", "A=3", "B=1", "no-sign=x"]),
        Case(
            inherited: ["A=1", "B=1", "A=2"], spec: EnvironmentSpec(vars: [Variable("A", nil)]), expected: ["B=1"]),
        Case(
            inherited: ["A=1", "B=1", "A=2"], spec: EnvironmentSpec(inherit: .only(["A"])), expected: ["A=1", "A=2"]),
    ]

    static func environment(_ inherited: [String]) -> ChildEnvironment {
        ChildEnvironment(inherited: inherited.map { Array($0.utf8) })
    }

    @Test(arguments: cases.indices)
    func aProcessGetsWhatItsSpecSays(index: Int) {
        let given = Self.cases[index]
        let block = Self.environment(given.inherited).block(for: given.spec)
        #expect(CStringBlockTests.read(block) == given.expected)
    }

    static let secrets = [
        "PROCSTAR_AGENT_CERT", "PROCSTAR_AGENT_KEY", "PROCSTAR_AGENT_TOKEN", "PROCSTAR_AGENT_TOKEN_FILE",
        "PROCSTAR_STATE_DIR",
    ]

    @Test func secretsAreNeverInheritedAndCanBeSet() {
        let environment = Self.environment(
            Self.secrets.map { "\($0)=s3cret" } + ["PROCSTAR_AGENT_HOST=h", "PROCSTAR_AGENT_TOKENS=t"])
        let rest = ["PROCSTAR_AGENT_HOST=h", "PROCSTAR_AGENT_TOKENS=t"]
        #expect(CStringBlockTests.read(environment.block(for: EnvironmentSpec())) == rest)
        #expect(CStringBlockTests.read(environment.block(for: EnvironmentSpec(inherit: .only(Self.secrets)))) == [])
        let spec = EnvironmentSpec(vars: Self.secrets.map { Variable($0, "own") })
        #expect(CStringBlockTests.read(environment.block(for: spec)) == rest + Self.secrets.map { "\($0)=own" })
    }

    @Test func bytesThatAreNotTextArePassedOnAndShownRepaired() {
        let environment = ChildEnvironment(inherited: [[0x41, 0xff, 0x3d, 0xfe], Array("B=1".utf8)])
        let block = environment.block(for: EnvironmentSpec(vars: [Variable("C", "2")]))
        #expect(Array(block[0]) == [0x41, 0xff, 0x3d, 0xfe])
        let pairs = ChildEnvironment.pairs(block).map { "\($0.name) \($0.value)" }
        #expect(pairs == ["A\u{fffd} \u{fffd}", "B 1", "C 2"])
    }

    @Test func pairsNameEachVariableOnce() {
        let environment = Self.environment(["A=1", "none", "A=2", "E=", "=x", "Q=a=b"])
        let pairs = ChildEnvironment.pairs(environment.block(for: EnvironmentSpec())).map { [$0.name, $0.value] }
        #expect(pairs == [["A", "1"], ["none", ""], ["E", ""], ["", "x"], ["Q", "a=b"]])
    }

    @Test func namesAreComparedByTheirBytes() {
        // Equal as Swift strings, and two variables all the same.
        let environment = Self.environment(["caf\u{e9}=1"])
        let block = environment.block(for: EnvironmentSpec(vars: [Variable("cafe\u{301}", "2")]))
        #expect(block.count == 2)
    }
}
