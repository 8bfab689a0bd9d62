/// Reads one process's entry of a request.
///
/// Each function knows only its own value and throws errors relative to it; the way there is added by the caller.
package enum SpecDecoder {
    private static let keys = [
        "argv", "command", "exe", "env", "fds", "cwd", "timeout", "stop", "orphans", "systemd_properties", "id",
    ]

    /// What `value` says to run.
    package static func decode(_ value: Value) throws(SpecError) -> ProcessSpec {
        let fields = try SpecFields(value, keys: keys)
        var spec = ProcessSpec(argv: try argv(fields))
        spec.exe = try fields.readNullable("exe") { value throws(SpecError) in try value.string() }
        spec.environment = try fields.read("env", environment) ?? spec.environment
        spec.fds = try fields.read("fds", FdDecoder.fds) ?? spec.fds
        spec.workingDirectory = try fields.readNullable("cwd") { value throws(SpecError) in try value.absolutePath() }
        spec.timeout = try fields.readNullable("timeout") { value throws(SpecError) in
            try value.seconds(zeroAllowed: false, "a number of seconds above 0")
        }
        spec.stop = try fields.read("stop", stop) ?? spec.stop
        spec.orphans = try fields.choice("orphans") ?? spec.orphans
        spec.systemd = try fields.readNullable("systemd_properties", SystemdDecoder.properties) ?? spec.systemd
        // Accepted for old clients; the key in `specs` is what counts.
        _ = try fields.readNullable("id") { value throws(SpecError) in try value.string() }
        return spec
    }

    private static func argv(_ fields: SpecFields) throws(SpecError) -> [String] {
        let argv = try fields.readNullable("argv") { value throws(SpecError) in
            let words = try value.elements("an array of strings") { word throws(SpecError) in try word.string() }
            guard !words.isEmpty else { throw SpecError("an empty array; at least the program is needed") }
            return words
        }
        let command = try fields.readNullable("command") { value throws(SpecError) in try value.string() }
        switch (argv, command) {
        case (let argv?, nil): return argv
        case (nil, let command?): return ["/bin/sh", "-c", command]
        case (nil, nil): throw SpecError(#""argv" is missing (or "command", a line for /bin/sh)"#)
        case (_?, _?): throw SpecError(#"both "argv" and "command" are given; one of them says what to run"#)
        }
    }

    /// What stands where a value of a variable may be meant is not shown in errors.
    private static func environment(_ value: Value) throws(SpecError) -> EnvironmentSpec {
        let keys = ["inherit", "vars", "report"]
        guard case .map = value else { throw value.isNotConcealed("an object with keys among \(Quoted.list(keys))") }
        let fields = try SpecFields(value, keys: keys)
        var environment = EnvironmentSpec()
        environment.inherit = try fields.read("inherit", inheritance) ?? environment.inherit
        environment.vars = try fields.read("vars", variables) ?? environment.vars
        environment.report = try fields.bool("report") ?? environment.report
        return environment
    }

    private static func inheritance(_ value: Value) throws(SpecError) -> EnvironmentSpec.Inheritance {
        switch value {
        case .bool(true): return .all
        case .bool(false): return .none
        case .array: return .only(try value.elements("") { name throws(SpecError) in try name.string() })
        case .null, .int, .uint, .double, .string, .binary, .map, .text, .base64:
            throw value.isNot("true, false or an array of names")
        }
    }

    private static func variables(_ value: Value) throws(SpecError) -> [EnvironmentSpec.Variable] {
        guard case .map = value else { throw value.isNotConcealed("an object") }
        return try value.members { name, value throws(SpecError) in
            switch value {
            case .string(let text): return EnvironmentSpec.Variable(name, text)
            case .null: return EnvironmentSpec.Variable(name, nil)
            case .bool, .int, .uint, .double, .binary, .array, .map, .text, .base64:
                throw value.isNotConcealed("a string, or null to remove the variable")
            }
        }
    }

    private static func stop(_ value: Value) throws(SpecError) -> StopSpec {
        let fields = try SpecFields(value, keys: ["signal", "grace"])
        var stop = StopSpec()
        stop.signal = try fields.read("signal", signal) ?? stop.signal
        stop.grace =
            try fields.read("grace") { value throws(SpecError) in
                try value.seconds(zeroAllowed: true, "a number of seconds from 0 up")
            } ?? stop.grace
        return stop
    }

    private static func signal(_ value: Value) throws(SpecError) -> Signal {
        let signal: Signal?
        switch value {
        case .int(let number): signal = Signal(number)
        case .string(let name): signal = Signal(parsing: name)
        case .null, .bool, .uint, .double, .binary, .array, .map, .text, .base64: signal = nil
        }
        guard let signal else { throw value.isNot(#"a signal: a name such as "SIGTERM", or a number from 1 to 64"#) }
        return signal
    }
}
