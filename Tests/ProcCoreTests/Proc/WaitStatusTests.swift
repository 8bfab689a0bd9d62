import ProcCore
import Testing

@Suite struct WaitStatusTests {
    static func value(_ raw: Int64, code: Int64?, signum: Int64?, signal: String?, core: Bool) -> Value {
        .map([
            .init("status", .int(raw)),
            .init("exit_code", code.map { .int($0) } ?? .null),
            .init("signum", signum.map { .int($0) } ?? .null),
            .init("signal", signal.map { .string($0) } ?? .null),
            .init("core_dump", .bool(core)),
        ])
    }

    @Test func anExitHasACodeAndNoSignal() {
        #expect(WaitStatus(raw: 0).value == Self.value(0, code: 0, signum: nil, signal: nil, core: false))
        #expect(WaitStatus(raw: 768).value == Self.value(768, code: 3, signum: nil, signal: nil, core: false))
        #expect(WaitStatus(raw: 0xff00).value == Self.value(0xff00, code: 255, signum: nil, signal: nil, core: false))
    }

    @Test func aSignalHasANameAndNoCode() {
        #expect(WaitStatus(raw: 15).value == Self.value(15, code: nil, signum: 15, signal: "SIGTERM", core: false))
        #expect(
            WaitStatus(raw: 0x80 | 11).value == Self.value(139, code: nil, signum: 11, signal: "SIGSEGV", core: true))
        #expect(WaitStatus(raw: 36).value == Self.value(36, code: nil, signum: 36, signal: "SIGRTMIN+2", core: false))
    }

    @Test func aStopIsNoEnd() {
        for raw: CInt in [0x137f, 0xffff] {
            #expect(WaitStatus(raw: raw).exitCode == nil && WaitStatus(raw: raw).signal == nil)
            #expect(!WaitStatus(raw: raw).dumpedCore)
        }
    }

    @Test func whatNeverStartedLooksLikeExit63() {
        #expect(WaitStatus.notStarted.value == Self.value(16128, code: 63, signum: nil, signal: nil, core: false))
    }

    @Test func noStatusTraps() {
        for raw in [CInt.min, -1, 65, 126, .max] { _ = WaitStatus(raw: raw).value }
    }
}
