import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// The recorded session of the reference agent, said again to ours.
@Suite struct AgentWireReferenceTests {
    /// A difference that is meant.
    struct Difference {
        /// Nil for all.
        let cases: Set<String>?
        let change: MessageShape.Change
        /// Paths, and beginnings of paths with a `*` behind them.
        let paths: [String]
        let reason: String

        init(_ cases: Set<String>?, _ change: MessageShape.Change, _ paths: [String], _ reason: String) {
            (self.cases, self.change, self.paths, self.reason) = (cases, change, paths, reason)
        }

        func allows(_ path: String, _ change: MessageShape.Change, in name: String) -> Bool {
            guard change == self.change, cases?.contains(name) ?? true else { return false }
            return paths.contains { $0.hasSuffix("*") ? path.hasPrefix($0.dropLast()) : path == $0 }
        }
    }

    static let failures: Set<String> = ["bad-exe", "bad-fds"]
    static let refusedStarts: Set<String> = [
        "duplicate-proc-id", "duplicate-fd", "bad-fd-name", "unmatched-read", "unmatched-write", "start-while-draining",
    ]

    /// Every difference there is, with its reason.
    static let differences = [
        Difference(
            nil, .added, ["features*"],
            "what the agent offers beyond the protocol; unmodified servers ignore it there"),
        Difference(
            nil, .added, ["res.cwd", "res.usage*", "res.cause*", "res.unenforced*"],
            "what a result says beyond the protocol; unmodified servers ignore it there"),
        Difference(
            failures, .changed, ["res.state", "res.status", "res.times.stop", "res.errors"],
            "a process that can't be started is never called running: both of its results say error"),
        Difference(
            failures, .added, ["res.status.*", "res.errors.*"],
            "both results of a process that can't be started say why, not the second alone"),
        Difference(
            failures, .changed, ["res.pid", "res.proc_stat", "res.proc_statm", "res.rusage"],
            "what can't be started never has a pid; the reference shows its own forked copy"),
        Difference(
            failures, .missing, ["res.proc_stat.*", "res.proc_statm.*", "res.rusage.*"],
            "what can't be started never has a pid; the reference shows its own forked copy"),
        Difference(
            failures, .changed, ["res.errors.*"], "the system's text without the \"(os error 2)\" of the reference"),
        Difference(
            refusedStarts, .missing, ["msg.specs.*"],
            "a refused start is sent back as it came, not with defaults filled in"),
    ]

    /// Cases in which the reference was silent and ours answers, with the error.
    static let answered = [
        "unknown-type": #"unknown message type "Bogus""#,
        "unknown-spec-key": #"specs.u: unknown key "bogus""#,
    ]

    @Test func theSessionIsTheSameButForWhatIsMeantToDiffer() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(
            ["--group", "g1", "--conn-id", "conn-1"], environment: ["PROCSTAR_AGENT_TOKEN": "s3cret"])
        let peer = try scheduler.accept()
        var used: Set<Int> = []
        var compared = 0
        for recorded in try WireReference.cases() where recorded.name != "exit" {
            try stage(recorded.name, agent, peer)
            if recorded.name == "register" {
                // The one case in which the agent is the first to speak.
                compared += try compare(recorded, [try peer.next()], &used)
                peer.sendRaw(recorded.requests[0])
                continue
            }
            for request in recorded.requests { peer.sendRaw(request) }
            let answers = try recorded.answers.map { _ in try peer.next() }
            compared += try compare(recorded, answers, &used)
            if let text = Self.answered[recorded.name] {
                let answer = try peer.next("RequestError")
                #expect(answer["msg"] == (try MessagePackReader.read(recorded.requests[0])))
                #expect(answer["err"]?.text?.hasPrefix(text) == true, "\(answer)")
            }
            if recorded.name != "quit" { try peer.nothingMore() }
        }
        #expect(compared == 40, "every message of the reference agent")
        for (index, difference) in Self.differences.enumerated() {
            #expect(used.contains(index), "a difference that there isn't: \(difference.paths) \(difference.reason)")
        }
        // The reference ended without a close frame.
        try peer.expectClose(1000)
        try agent.expectExit(0)
    }

    /// What had happened at the agent's machine before a case.
    private func stage(_ name: String, _ agent: AgentProcess, _ peer: Peer) throws {
        switch name {
        case "drain": agent.signal(SIGUSR1)
        case "quit":
            // Nothing is left to be deleted then, so that it doesn't wait for that. A drain ends with the last one.
            for id in try peer.nothingMore() { try peer.delete(id) }
            agent.signal(SIGQUIT)
        default: break
        }
    }

    /// Compares messages about each process with those recorded of it, in order. How many.
    private func compare(_ recorded: WireReference.Case, _ answers: [Value], _ used: inout Set<Int>) throws -> Int {
        // Two processes may come in any order.
        func ordered(_ messages: [Value]) -> [Value] {
            messages.enumerated().sorted {
                ($0.element.procID ?? "", $0.offset) < ($1.element.procID ?? "", $1.offset)
            }.map(\.element)
        }
        for (theirs, ours) in zip(ordered(recorded.answers), ordered(answers)) {
            let grows = theirs[path: "res", "state"] == "running"
            let changes = MessageShape(ours, outputGrows: grows).changes(
                from: MessageShape(theirs, outputGrows: grows))
            for (path, change, detail) in changes {
                let allowed = Self.differences.indices.filter {
                    Self.differences[$0].allows(path, change, in: recorded.name)
                }
                used.formUnion(allowed)
                #expect(!allowed.isEmpty, "\(recorded.name): \(path) \(change): \(detail)")
            }
        }
        return answers.count
    }
}
