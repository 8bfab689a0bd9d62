import Glibc
import ProcCore
import TestSupport
import Testing

/// Start requests that are refused as a whole.
@Suite struct AgentRefusalTests {
    /// Specs, and the text that clients know. Beside each stands a process that would leave a trace.
    static let known: [(specs: String, text: String)] = [
        (#"{"taken": {"argv": ["/bin/true"]}}"#, "duplicate proc id: taken"),
        (
            #"{"a": {"argv": ["/bin/true"], "fds": [["1", "inherit"], ["stdout", "inherit"]]}}"#,
            "duplicate fd: stdout"
        ),
        (#"{"a": {"argv": ["/bin/true"], "fds": [["zwei", "inherit"]]}}"#, "bad fd: zwei"),
        (
            #"{"a": {"argv": ["/bin/true"], "fds": [["0", {"pipe-read": {"proc_id": "y", "fd": "1"}}]]}}"#,
            "unmatched read pipe: y 1"
        ),
        (#"{"a": {"argv": ["/bin/true"], "fds": [["1", "pipe-write"]]}}"#, "unmatched write pipe: a 1"),
    ]

    @Test(arguments: known)
    func theTextsAreThoseThatClientsKnow(specs: String, text: String) throws {
        try Self.expectRefusal(of: specs) { #expect($0 == text) }
    }

    /// Specs, and what their errors must name.
    static let wrong: [(specs: String, place: String)] = [
        (#"{"a": {"argv": []}}"#, "specs.a.argv"),
        (#"{"a": {}}"#, "argv"),
        (#"{"a": {"argv": "/bin/true"}}"#, "specs.a.argv"),
        (#"{"a": {"argv": ["/bin/true", 5]}}"#, "specs.a.argv[1]"),
        (#"{"a": {"argv": ["/bin/true"], "bogus": 1}}"#, "bogus"),
        (#"{"a": {"argv": ["/bin/true"], "env": {"inherit": 3}}}"#, "specs.a.env.inherit"),
        (#"{"a": {"argv": ["/bin/true"], "env": {"vars": {"A": 1}}}}"#, "specs.a.env.vars.A"),
        (#"{"a": {"argv": ["/bin/true"], "fds": [["1", {"capture": {"mode": "sideways"}}]]}}"#, "sideways"),
        (#"{"a": {"argv": ["/bin/true"], "systemd_properties": {"slice": {"tasks_max": -1}}}}"#, "tasks_max"),
        (#"{"a": null}"#, "specs.a"),
        (#"{"a": 5}"#, "specs.a"),
        (#"{"a": ["/bin/true"]}"#, "specs.a"),
    ]

    @Test(arguments: wrong)
    func anErrorNamesItsPlace(specs: String, place: String) throws {
        try Self.expectRefusal(of: specs) { #expect($0.contains(place), "\($0)") }
    }

    /// Sends specs beside one that leaves a trace, and sees that nothing is started.
    static func expectRefusal(of specs: String, _ judge: (String) -> Void) throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        try peer.begin("taken", SpecText.spec(["/bin/sleep", "1000"]))
        let folder = TemporaryDirectory()
        let mark = SpecText.quoted(folder.path("mark"))
        for order in [[true, false], [false, true]] {
            var members: [Value.Member] = []
            for isMark in order {
                let text = isMark ? #"{"mark": {"argv": ["/usr/bin/touch", \#(mark)]}}"# : specs
                guard case .map(let more) = try JSONReader.read(Array(text.utf8)) else { continue }
                members += more
            }
            judge(try peer.refusal(of: ["type": "ProcStartRequest", "specs": .map(members)]))
        }
        #expect(try peer.nothingMore() == ["taken"])
        #expect(ShutdownSignalTests.children(of: agent.pid).count == 1)
        #expect(access(folder.path("mark"), F_OK) != 0)
    }

    @Test func aPipeReadTwiceIsUnmatchedToo() throws {
        let reader = #"{"argv": ["/bin/cat"], "fds": [["0", {"pipe-read": {"proc_id": "w", "fd": "1"}}]]}"#
        try Self.expectRefusal(
            of: #"{"w": {"argv": ["/bin/true"], "fds": [["1", "pipe-write"]]}, "r": \#(reader), "s": \#(reader)}"#
        ) { #expect($0.hasPrefix("unmatched read pipe: w 1")) }
    }

    @Test func specsThatAreNoMapNameNobodySoTheyAreOnlyLogged() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        for specs in [.null, 5, [], "all"] as [Value] { peer.send(["type": "ProcStartRequest", "specs": specs]) }
        peer.send(["type": "ProcStartRequest"])
        #expect(try peer.nothingMore() == [])
        #expect(agent.log.split(separator: "specs").count > 5, "\(agent.log)")
    }

    @Test func aRefusedIdCanBeStartedAfterwards() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let wrong: Value = ["type": "ProcStartRequest", "specs": ["a": ["argv": []]]]
        _ = try peer.refusal(of: wrong)
        #expect(try peer.run("a", SpecText.spec(["/bin/true"])).ended["state"] == "terminated")
    }
}
