import CLinux
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

/// What the session scan and the reaper read out of `/proc/PID/stat`.
@Suite struct SessionParsingTests {
    /// As the kernel writes it, with fields that differ from one another.
    private static func line(_ comm: [UInt8], state: String = "S", threads: Int = 1) -> [UInt8] {
        Array("4711 (".utf8) + comm
            + Array(
                """
                ) \(state) 815 4712 4713 34816 4714 4194304 101 102 103 104 5 6 7 8 20 0 \(threads) 0 123456 2703360 210 \
                18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0

                """.utf8)
    }

    static let names: [[UInt8]] =
        [
            "sleep", "", "evil) R 9 (x", ":-)", "a b", ") Z 1 1 1 1 1 (", "))))", "((((", "new\nline", "Z",
        ].map { Array($0.utf8) } + [[0xff, 0xfe, 0x29, 0x20, 0xc3]]

    @Test(arguments: names)
    func aMemberIsReadPastAnyName(name: [UInt8]) throws {
        let member = try #require(SessionScan.Member(pid: 4711, stat: Self.line(name)))
        #expect(member.pid == 4711 && member.session == 4713 && member.state == UInt8(ascii: "S"))
        #expect(member.isAlive && !member.isStopped)
    }

    @Test(arguments: names)
    func aZombiesParentIsReadPastAnyName(name: [UInt8]) throws {
        #expect(ZombieParent(stat: Self.line(name, state: "Z"))?.pid == 815)
        for state in ["R", "S", "D", "T", "t", "X", "I", "P"] {
            #expect(ZombieParent(stat: Self.line(name, state: state)) == nil)
        }
    }

    @Test func everyStateIsToldApart() throws {
        for (state, isAlive, isStopped) in [
            ("R", true, false), ("S", true, false), ("D", true, false), ("T", true, true), ("t", true, false),
            ("I", true, false), ("Z", false, false), ("X", false, false),
        ] {
            let member = try #require(SessionScan.Member(pid: 1, stat: Self.line(Array("x".utf8), state: state)))
            #expect(member.isAlive == isAlive && member.isStopped == isStopped, "\(state)")
        }
    }

    @Test func aProcessWhoseMainThreadAloneHasEndedIsAlive() throws {
        let member = try #require(
            SessionScan.Member(pid: 1, stat: Self.line(Array("x".utf8), state: "Z", threads: 2)))
        #expect(member.isAlive)
    }

    @Test(arguments: names)
    func noPrefixIsTakenForAnotherSession(name: [UInt8]) {
        let whole = Self.line(name)
        let close = whole.lastIndex(of: UInt8(ascii: ")")) ?? 0
        for cut in 0..<whole.count {
            guard let member = SessionScan.Member(pid: 4711, stat: Array(whole[..<cut])) else { continue }
            // Nothing is known before the field after the session has begun.
            let tail = whole[(close + 1)..<max(cut, close + 1)].split(separator: UInt8(ascii: " "))
            #expect(tail.count >= 4 && "4713".hasPrefix("\(member.session)") || cut <= close, "\(cut): \(member)")
        }
    }

    @Test func rubbishIsNoProcess() {
        for text in ["", ")", "1 (x)", "1 (x) ", "1 (x) S", "1 (x) S 1 2", "1 (x) S 1 2 x", "1 (x) S 1 2 99999999999"] {
            #expect(SessionScan.Member(pid: 1, stat: Array(text.utf8)) == nil, "\(text)")
        }
        for text in ["", ")", "1 (x) Z", "1 (x) Z x", "1 (x) Z 99999999999", "1 x Z 1"] {
            #expect(ZombieParent(stat: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func aScanFindsTheMembersOfTheSessionsThatItIsAskedFor() throws {
        let directory = TemporaryDirectory()
        let go = directory.path("go")
        let program = { try ProgramRun(["/bin/sh", "-c", "sleep 100 & sleep 100 & : > \(go).$$; wait"]) }
        let (first, second) = try (program(), program())
        defer {
            for member in LiveProcess.members(of: first.pid) + LiveProcess.members(of: second.pid) {
                kill(member.pid, SIGKILL)
            }
        }
        for run in [first, second] { eventually("it has begun") { contents(of: "\(go).\(run.pid)") != nil } }
        eventually("its children sleep") {
            SessionScan(wishes: [first.pid: .survey]).run().members == [first.pid: 2]
        }
        #expect(
            SessionScan(wishes: [first.pid: .survey, second.pid: .signal(SIGKILL)]).run().members == [
                first.pid: 2, second.pid: 2,
            ])
        eventually("those are gone, the others not") {
            SessionScan(wishes: [first.pid: .survey, second.pid: .survey]).run().members == [first.pid: 2]
        }
        #expect(SessionScan(wishes: [:]).run().members == [:])
    }
}
