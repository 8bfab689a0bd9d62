import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct BlockingCallsTests {
    static func fifo(in folder: TemporaryDirectory) throws -> String {
        let path = folder.path("fifo")
        try #require(mkfifo(path, 0o600) == 0)
        return path
    }

    /// Blocks in the open of a FIFO that nobody writes to, until it is interrupted.
    static func blockingOpen(_ path: String) -> @Sendable () -> CInt {
        { clinux_open(clinux_at_cwd, path, O_RDONLY, 0) }
    }

    @Test func aCancelledCallGivesItsThreadToTheNextAndItsResultToNobody() throws {
        let loop = try EventLoop()
        let folder = TemporaryDirectory()
        let fifo = try Self.fifo(in: folder)
        let calls = try BlockingCalls(loop: loop, limit: 1)
        var results: [CInt] = []
        let blocked = calls.run(Self.blockingOpen(fifo)) { results.append($0) }
        _ = calls.run({ 7 }) { (result: CInt) in results.append(result) }
        calls.cancel(blocked)
        // There is one thread at a time, so the second call can only be made when the first has been interrupted.
        loop.run { !results.isEmpty }
        #expect(results == [7])
    }

    @Test func aCallThatWaitsForItsTurnIsCancelledWithoutBeingMade() throws {
        let loop = try EventLoop()
        let folder = TemporaryDirectory()
        let fifo = try Self.fifo(in: folder)
        let calls = try BlockingCalls(loop: loop, limit: 1)
        var results: [CInt] = []
        let blocked = calls.run(Self.blockingOpen(fifo)) { results.append($0) }
        let waiting = calls.run({ folder.write("made", to: "made") }) { (_: String) in results.append(1) }
        _ = calls.run({ 2 }) { (result: CInt) in results.append(result) }
        calls.cancel(waiting)
        calls.cancel(blocked)
        loop.run { !results.isEmpty }
        #expect(results == [2])
        #expect(contents(of: folder.path("made")) == nil)
    }

    @Test func noMoreCallsThanTheLimitAreUnderWay() throws {
        let loop = try EventLoop()
        let calls = try BlockingCalls(loop: loop, limit: 3)
        let count = Guarded((now: 0, highest: 0))
        var done = 0
        for _ in 0..<50 {
            _ = calls.run({
                count.withLock { count in
                    count.now += 1
                    count.highest = max(count.highest, count.now)
                }
                for _ in 0..<100 { sched_yield() }
                return count.withLock { count in
                    count.now -= 1
                    return count.highest
                }
            }) { (_: Int) in done += 1 }
        }
        loop.run { done == 50 }
        #expect(count.withLock { $0.highest } <= 3)
    }

    @Test func anAbandonedCallIsNotInterruptedAndItsResultIsNobodys() throws {
        let loop = try EventLoop()
        let folder = TemporaryDirectory()
        let fifo = try Self.fifo(in: folder)
        let calls = try BlockingCalls(loop: loop, limit: 1)
        let opened = Guarded<CInt?>(nil)
        var results: [CInt] = []
        let blocked = calls.run({
            let fd = clinux_open(clinux_at_cwd, fifo, O_RDONLY, 0)
            opened.withLock { $0 = fd }
            return fd
        }) { results.append($0) }
        _ = calls.run({ 2 }) { (result: CInt) in results.append(result) }
        calls.abandon(blocked)
        // Several times what a cancelled call has between two signals.
        var isOver = false
        loop.at(loop.now + .milliseconds(100)) { isOver = true }
        loop.run { isOver }
        #expect(results.isEmpty && opened.withLock { $0 } == nil)

        let writer = open(fifo, O_WRONLY | O_CLOEXEC)
        defer { close(writer) }
        loop.run { !results.isEmpty }
        #expect(results == [2])
        let reader = try #require(opened.withLock { $0 })
        #expect(reader >= 0)
        close(reader)
    }

    /// What a call holds on to.
    private final class Freight: Sendable {}

    @Test(arguments: [1, 1000])
    func aCallGivenUpWhileItWaitsHoldsNothingAnyMore(count: Int) throws {
        let loop = try EventLoop()
        let folder = TemporaryDirectory()
        let fifo = try Self.fifo(in: folder)
        let calls = try BlockingCalls(loop: loop, limit: 1)
        var results: [Int] = []
        let blocked = calls.run(Self.blockingOpen(fifo)) { _ in results.append(-1) }
        func waitInVain() -> () -> Freight? {
            let freight = Freight()
            let call = calls.run({ freight }) { (_: Freight) in results.append(0) }
            if count % 2 == 0 { calls.cancel(call) } else { calls.abandon(call) }
            return { [weak freight] in freight }
        }
        let left = (0..<count).map { _ in waitInVain() }
        #expect(left.allSatisfy { $0() == nil })

        _ = calls.run({ 1 }) { (result: Int) in results.append(result) }
        _ = calls.run({ 2 }) { (result: Int) in results.append(result) }
        calls.cancel(blocked)
        loop.run { results.count == 2 }
        #expect(results == [1, 2])
    }
}
