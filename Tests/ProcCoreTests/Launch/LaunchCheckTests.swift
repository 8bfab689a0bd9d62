import ProcCore
import Testing

@Suite struct LaunchCheckTests {
    static let wrong: [(spec: ProcessSpec, failures: [String])] = [
        (ProcessSpec(argv: ["/bin/true", "", "a=b"]), []),
        (
            ProcessSpec(argv: ["/bin/echo", "a\0b", "c", "\0"]),
            ["failed to pass argument 1: a NUL byte in it", "failed to pass argument 3: a NUL byte in it"]
        ),
        (ProcessSpec(argv: ["/bin/\0"]), [#"execve failed: "/bin/\u0000": a NUL byte in it"#]),
        (ProcessSpec(argv: ["a\0"], exe: "/bin/true"), ["failed to pass argument 0: a NUL byte in it"]),
        (ProcessSpec(argv: ["a"], exe: "\0"), [#"execve failed: "\u0000": a NUL byte in it"#]),
        (
            ProcessSpec(argv: ["a"], workingDirectory: "/\0"),
            [#"failed to change to directory "/\u0000": a NUL byte in it"#]
        ),
        (
            with([.init("A", "1"), .init("", "x"), .init("A=B", nil), .init("C\0", "1"), .init("D", "\0")]),
            [
                #"failed to set variable "": an empty name"#, #"failed to set variable "A=B": a = in its name"#,
                #"failed to set variable "C\u0000": a NUL byte in its name"#,
                #"failed to set variable "D": a NUL byte in its value"#,
            ]
        ),
        (
            ProcessSpec(argv: ["\0"], fds: [FdEntry(FdName(5), .inherit)]),
            ["failed to set up fd 5: Bad file descriptor", #"execve failed: "\u0000": a NUL byte in it"#]
        ),
    ]

    static func with(_ variables: [EnvironmentSpec.Variable]) -> ProcessSpec {
        ProcessSpec(argv: ["/bin/true"], environment: EnvironmentSpec(vars: variables))
    }

    static func failures(_ spec: ProcessSpec, _ restriction: ExecutableRestriction? = nil) -> [String] {
        let table = FdTable(fds: spec.fds, inherited: [0, 1, 2], limit: 1024)
        return LaunchCheck.failures(spec, table: table, restriction: restriction).map(\.description)
    }

    @Test(arguments: wrong.indices)
    func whatTheSystemCouldNotBeGivenIsSaid(index: Int) {
        #expect(Self.failures(Self.wrong[index].spec) == Self.wrong[index].failures)
    }

    @Test func aRestrictedExecutableIsNamed() throws {
        let restriction = try ExecutableRestriction(["/bin/true", "/bin/ls -l"])
        #expect(Self.failures(ProcessSpec(argv: ["/bin/true"]), restriction) == [])
        #expect(Self.failures(ProcessSpec(argv: ["true"], exe: "/bin/true"), restriction) == [])
        #expect(
            Self.failures(ProcessSpec(argv: ["/bin/true"], exe: "/bin/sh"), restriction)
                == ["restricted executable: /bin/sh"])
        #expect(
            Self.failures(ProcessSpec(argv: ["/bin/ls", "-a"]), restriction)
                == ["restricted executable: /bin/ls: not with these arguments"])
    }

    @Test func whatTheSystemRefusesHasItsReason() {
        #expect(
            StartFailure.execution("/no/such", reason: "No such file or directory").description
                == "execve failed: /no/such: No such file or directory")
        #expect(
            StartFailure.workingDirectory("/no", reason: "Permission denied").description
                == "failed to change to directory /no: Permission denied")
    }
}
