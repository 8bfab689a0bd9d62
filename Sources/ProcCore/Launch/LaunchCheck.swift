/// What can be said against starting a process before anything is opened for it.
///
/// The document was right; these faults concern one process only and become its result's `errors`.
package enum LaunchCheck {
    /// - Parameters:
    ///   - table: The process's descriptors; its failures come first.
    ///   - restriction: Nil when everything may be executed.
    package static func failures(
        _ spec: ProcessSpec, table: FdTable, restriction: ExecutableRestriction?
    ) -> [StartFailure] {
        var failures = table.failures
        failures += variables(spec.environment.vars)
        if let directory = spec.workingDirectory, directory.utf8.contains(0) {
            failures.append(.workingDirectory(directory, reason: StartFailure.nulByte))
        }
        let executable = spec.executable
        if executable.utf8.contains(0) {
            failures.append(.execution(executable, reason: StartFailure.nulByte))
        }
        for (index, argument) in spec.argv.enumerated() where argument.utf8.contains(0) {
            // Said already, where it is the executable too.
            if index == 0 && spec.exe == nil { continue }
            failures.append(.argument(index, reason: StartFailure.nulByte))
        }
        if let verdict = restriction?.verdict(executable: executable, argv: spec.argv), verdict != .allowed {
            failures.append(.restricted(executable, verdict))
        }
        return failures
    }

    private static func variables(_ variables: [EnvironmentSpec.Variable]) -> [StartFailure] {
        variables.compactMap { variable in
            let name = variable.name.utf8
            if name.isEmpty { return .variable(variable.name, reason: "an empty name") }
            if name.contains(UInt8(ascii: "=")) { return .variable(variable.name, reason: "a = in its name") }
            if name.contains(0) { return .variable(variable.name, reason: "a NUL byte in its name") }
            if variable.value?.utf8.contains(0) == true {
                return .variable(variable.name, reason: "a NUL byte in its value")
            }
            return nil
        }
    }
}
