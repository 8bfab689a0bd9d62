import Glibc
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct AgentIdentityTests {
    /// By the tools that administrators would ask.
    @Test func anAgentIsWhoTheSystemSaysItIs() throws {
        func ask(_ argv: String...) throws -> String {
            String(try ProgramRun(["/usr/bin/env"] + argv).finish().outputText.dropLast())
        }
        let identity = Registration.Identity.current()
        #expect(identity.pid == getpid() && identity.ppid == getppid())
        #expect(identity.uid == getuid() && identity.euid == geteuid())
        #expect(identity.gid == getgid() && identity.egid == getegid())
        #expect(try identity.username == ask("id", "-un"))
        #expect(try identity.groupname == ask("id", "-gn"))
        #expect(try identity.hostname == ask("uname", "-n"))
    }

    @Test func whoHasNoNameIsNotInvented() {
        #expect(Registration.Identity.userName(3_999_999_999) == nil)
        #expect(Registration.Identity.groupName(3_999_999_999) == nil)
        #expect(Registration.Identity.userName(0) == "root")
        #expect(Registration.Identity.groupName(0) == "root")
    }
}
