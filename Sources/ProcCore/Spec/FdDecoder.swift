/// Reads a spec's list of file descriptors.
enum FdDecoder {
    /// An array of pairs, or an object from fd to spec; in document order either way.
    static func fds(_ value: Value) throws(SpecError) -> [FdEntry] {
        let entries: [FdEntry]
        switch value {
        case .array:
            entries = try value.elements("") { element throws(SpecError) in try pair(element) }
        case .map:
            entries = try value.members { name, value throws(SpecError) in
                FdEntry(try FdName(parsing: name), try fd(value))
            }
        case .null, .bool, .int, .uint, .double, .string, .binary, .text, .base64:
            throw value.isNot("an array of [FD, SPEC] or an object from FD to SPEC")
        }
        try refuseDuplicates(entries)
        return entries
    }

    private static func pair(_ value: Value) throws(SpecError) -> FdEntry {
        guard case .array(let pair) = value else { throw value.isNot("an array [FD, SPEC]") }
        guard pair.count == 2 else {
            throw SpecError("an array of \(pair.count) where there have to be two, [FD, SPEC]")
        }
        return FdEntry(try name(pair[0]), try fd(pair[1]))
    }

    private static func name(_ value: Value) throws(SpecError) -> FdName {
        guard case .string(let text) = value else {
            throw value.isNot(#"an fd: "stdin", "stdout", "stderr" or a number in quotes, such as "3""#)
        }
        return try FdName(parsing: text)
    }

    private static func refuseDuplicates(_ entries: [FdEntry]) throws(SpecError) {
        var seen = Set<FdName>(minimumCapacity: entries.count)
        for entry in entries where !seen.insert(entry.name).inserted {
            throw SpecError.verbatim("duplicate fd: \(entry.name.spelling)")
        }
    }

    private static let words = ["inherit", "close", "pipe-write"]
    private static let objects = ["null", "file", "dup", "capture", "pipe-read"]

    private static func fd(_ value: Value) throws(SpecError) -> FdSpec {
        switch value {
        case .string("inherit"): return .inherit
        case .string("close"): return .close
        case .string("pipe-write"): return .pipeWrite
        case .map(let members) where members.count == 1:
            let kind = members[0].key
            return try below(.key(kind)) { () throws(SpecError) in try object(kind, members[0].value) }
        case .map(let members):
            throw SpecError("an object with \(members.count) keys where there has to be one of \(Quoted.list(objects))")
        case .null, .bool, .int, .uint, .double, .string, .binary, .array, .text, .base64:
            throw value.isNot("one of \(Quoted.list(words)), nor an object with one of \(Quoted.list(objects))")
        }
    }

    private static func object(_ kind: String, _ value: Value) throws(SpecError) -> FdSpec {
        switch kind {
        case "null":
            let fields = try SpecFields(value, keys: ["flags"])
            return .null(try flags(fields))
        case "file":
            let fields = try SpecFields(value, keys: ["path", "flags", "mode"])
            let path = try fields.require("path") { value throws(SpecError) in try value.string() }
            let mode = try fields.read("mode") { value throws(SpecError) in
                CInt(try value.integer(0...0o7777, "permissions, an integer from 0 to 4095 (octal 7777)"))
            }
            return .file(path: path, flags: try flags(fields), mode: mode ?? FdSpec.standardMode)
        case "dup":
            let fields = try SpecFields(value, keys: ["fd"])
            // A negative number is a descriptor that is never open; that is for the process to fail on.
            let range = Int64(CInt.min)...Int64(CInt.max)
            return .dup(
                try fields.require("fd") { value throws(SpecError) in
                    CInt(try value.integer(range, "the number of an fd, an integer"))
                })
        case "capture":
            return .capture(try capture(value))
        case "pipe-read":
            let fields = try SpecFields(value, keys: ["proc_id", "fd"])
            let process = try fields.require("proc_id") { value throws(SpecError) in try value.string() }
            return .pipeRead(from: FdSpec.PipeEnd(process: process, fd: try fields.require("fd", name)))
        case "inherit", "close", "pipe-write":
            throw SpecError("stands by itself, as the string \(Quoted.text(kind))")
        default:
            let known = "\(Quoted.list(objects)), and as strings \(Quoted.list(words))"
            throw SpecError("unknown kind of fd; known are \(known)")
        }
    }

    private static func flags(_ fields: SpecFields) throws(SpecError) -> OpenFlags {
        try fields.choice("flags") ?? .standard
    }

    private static func capture(_ value: Value) throws(SpecError) -> CaptureSpec {
        let fields = try SpecFields(value, keys: ["mode", "encoding", "attached", "limit", "keep", "on_limit"])
        var capture = CaptureSpec()
        capture.mode = try fields.choice("mode") ?? capture.mode
        capture.encoding = try fields.readNullable("encoding") { value throws(SpecError) in
            guard case .string(let name) = value, let encoding = CaptureSpec.Encoding(rawValue: name) else {
                throw value.isNot(#""utf-8" or null"#)
            }
            return encoding
        }
        capture.attached = try fields.bool("attached") ?? capture.attached
        capture.limit = try limit(fields)
        return capture
    }

    /// What to keep and how to react are read, and so checked, without a limit too; they then have no meaning.
    private static func limit(_ fields: SpecFields) throws(SpecError) -> CaptureSpec.Limit? {
        let bytes = try fields.readNullable("limit") { value throws(SpecError) in
            UInt64(try value.integer(1...Int64.max, "a number of bytes, an integer above 0"))
        }
        let keep: CaptureSpec.Limit.Keep? = try fields.choice("keep")
        let onLimit: CaptureSpec.Limit.Reaction? = try fields.choice("on_limit")
        return bytes.map { CaptureSpec.Limit(bytes: $0, keep: keep ?? .head, onLimit: onLimit ?? .truncate) }
    }
}
