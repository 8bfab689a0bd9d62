import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

@Suite(.enabled(if: Python.isThere, "needs python3")) struct RunningAgentTests {
    let temporary = TemporaryDirectory()

    @Test func theAgentOfAFolderIsFoundByItsLock() throws {
        let path = temporary.path("state")
        #expect(try RunningAgent.find(in: path) == nil)
        let holder = try LockHolder(of: path)
        let agent = try #require(try RunningAgent.find(in: path))
        #expect(agent.pid == holder.pid && !agent.ends(within: .zero))
        holder.kill()
        #expect(agent.ends(within: .seconds(10)))
        // Its pid still stands there.
        #expect(try RunningAgent.find(in: path) == nil)
        #expect(LiveProcess.pid(in: "\(path)/agent.lock") == nil)
    }

    /// The number of one that was killed, which another program has by now, while somebody looks at the lock.
    @Test func aProcessThatOnlyHasTheNumberIsNoAgent() throws {
        let other = try ProgramRun(["/bin/sleep", "1000"])
        let holder = try LockHolder(of: temporary.path("state"), writing: "\(other.pid)")
        #expect(try RunningAgent.find(in: temporary.path("state")) == nil)
        withExtendedLifetime((holder, other)) {}
    }

    @Test func theFolderOfAnAgentIsFoundByItsConnectionID() throws {
        let environment = ["XDG_RUNTIME_DIR": temporary.path]
        #expect(RunningAgent.folder(connID: "a/b", environment: environment) == nil)
        let folder = try StateFolder.runtime(connID: "a/b", environment: environment)
        #expect(RunningAgent.folder(connID: "a/b", environment: environment) == folder.path)
        #expect(try RunningAgent.find(in: folder.path)?.pid == getpid())
    }
}
