import Glibc
import ProcCore
import Testing

/// Our results beside those of a recorded session of the reference agent: each is taken apart, put into our types and
/// written again.
@Suite struct RecordedResultTests {
    /// The results of the session, in order.
    static func recorded() throws -> [Value] {
        let path = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let bytes = try #require(KernelText.file("/" + path + "/Fixtures/wire-reference.json"))
        guard case .array(let entries) = try JSONReader.read(bytes) else { return [] }
        return entries.compactMap { $0["msg"] }.filter { $0["type"] == .string("ProcResult") }.compactMap { $0["res"] }
    }

    @Test func aResultIsWrittenAsItWasRecorded() throws {
        let recorded = try Self.recorded()
        #expect(recorded.count == 16)
        for value in recorded {
            let result = try Self.result(value)
            let written = result.value(scale: Self.scale)
            let known = try #require(Self.members(written)?.prefix(10))
            #expect(
                Self.without(Self.differing(value), .map(Array(known))) == Self.without(Self.differing(value), value))
            #expect(Self.members(written)?.dropFirst(10).map(\.key) == ["cwd", "usage", "cause", "unenforced"])
        }
    }

    /// Counted in the fixture's units; its starttimes all end like this.
    static let scale = SystemScale(ticksPerSecond: 100, pageSize: 4096, bootTime: WallTime(nanoseconds: 8_887_812))

    /// Where ours differs from the reference, and should: its signal masks are off by one; of a process that failed to
    /// start it says "running" at first, and gives the figures of its own forked copy.
    static func differing(_ value: Value) -> [String] {
        isFailure(value)
            ? [".state", ".pid", ".proc_stat", ".proc_statm", ".status", ".times.stop", ".rusage"]
            : ["signal", "blocked", "sigignore", "sigcatch"].map { ".proc_stat." + $0 }
    }

    /// The fds tell the two cases with failures: `bad-exe` has a captured stdout and nothing else, `bad-fds` an fd 5.
    static func isFailure(_ value: Value) -> Bool {
        members(value["fds"])?.map(\.key) == ["stdout"] && value["fds"]?["stdout"] != .null
            || value["fds"]?["5"] != nil
    }

    static func members(_ value: Value?) -> [Value.Member]? {
        guard case .map(let members)? = value else { return nil }
        return members
    }

    /// As text, with keys in their order, without the values at `places`, captured bytes as they are sent, and times
    /// to the nanosecond: the reference writes 0.0021579999999999998 for 2158 microseconds.
    static func without(_ places: [String], _ value: Value, at place: String = "") -> String {
        switch value {
        case _ where places.contains(place): "?"
        case .map(let members):
            "{"
                + members.map { "\($0.key):\(without(places, $0.value, at: place + "." + $0.key))" }
                .joined(separator: ",") + "}"
        case .text(let bytes): Value.string(String(decoding: bytes, as: UTF8.self)).text
        case .base64(let bytes): Value.string(String(decoding: Base64.encode(bytes), as: UTF8.self)).text
        case .double(let number): Value.double((number * 1e9).rounded() / 1e9).text
        default: value.text
        }
    }
}

// MARK: from the recorded value to our types

extension RecordedResultTests {
    static func result(_ value: Value) throws -> ProcessResult {
        let times = try #require(value["times"])
        var result = ProcessResult(
            phase: try phase(value), start: try time(times["start"]), now: try time(times["now"]),
            elapsed: try #require(Interval(seconds: try double(times["elapsed"]))))
        result.errors = strings(value["errors"])
        result.fds = try #require(members(value["fds"])).reversed().map { .init($0.key, try descriptor($0.value)) }
        return result
    }

    static func phase(_ value: Value) throws -> ProcessResult.Phase {
        if isFailure(value) { return .failed(at: WallTime(nanoseconds: 0), .startFailure) }
        let pid = Int32(try integer(value["pid"]))
        let stat = try stat(try #require(value["proc_stat"]))
        guard value["status"] != .null else {
            return .running(.init(pid: pid, stat: stat, statm: try statm(value["proc_statm"]), usage: nil))
        }
        let usage = try usage(try #require(value["rusage"]))
        let status = WaitStatus(raw: CInt(try integer(value["status"]?["status"])))
        let stop = try time(value["times"]?["stop"])
        return .ended(.init(pid: pid, stat: stat, stop: stop, status: status, usage: usage, cause: .exited))
    }

    /// The line of `/proc/PID/stat` that stood behind it. All times are 0 in the recording.
    static func stat(_ value: Value) throws -> ProcStat {
        func text(_ key: String) throws -> String { "\(try UInt64(exactly: integer(value[key])) ?? 0)" }
        guard case .string(let comm)? = value["comm"], case .string(let state)? = value["state"],
            case .uint(let rsslim)? = value["rsslim"]
        else { throw Missing() }
        #expect(value["tty_nr"] == .array([.int(0), .int(0)]) && value["tpgid"] == .null)
        let ticks = try time(value["starttime"]).nanoseconds / 10_000_000
        var fields = [state]
        fields += try ["ppid", "pgrp", "session"].map(text) + ["0", "-1"]
        fields += try ["flags", "minflt", "cminflt", "majflt", "cmajflt"].map(text) + ["0", "0", "0", "0"]
        fields += try ["priority", "nice", "num_threads"].map(text) + ["0", "\(ticks)"]
        fields += [try text("vsize"), "\(try integer(value["rss"]) / 4096)", "\(rsslim)"]
        fields += ["0", "0", "0", "0", "0"] + ["0", "0", "4096", "3"] + [try text("wchan"), "0", "0", "17"]
        fields += try ["processor", "rt_priority", "policy"].map(text) + ["0", "0", try text("cguest_time")]
        fields += ["0", "0", "0", "0", "0", "0", "0", try text("exit_code")]
        let line = "\(try integer(value["pid"])) (\(comm)) " + fields.joined(separator: " ") + "\n"
        return try #require(ProcStatTests.parse(line), "\(line)")
    }

    static func statm(_ value: Value?) throws -> ProcStatm {
        func kibibytes(_ key: String) throws -> Int64 { try integer(value?[key]) / 1024 }
        let lines = try [
            ("VmSize", kibibytes("size")), ("VmRSS", kibibytes("resident")), ("RssFile", kibibytes("shared")),
            ("VmData", kibibytes("data")), ("VmExe", kibibytes("text")),
        ].map { "\($0):\t\($1) kB\n" }
        return try #require(ProcStatusTests.parse(lines.joined() + KernelText.zombieStatus)).memory
    }

    static func usage(_ value: Value) throws -> ResourceUsage {
        func count(_ key: String) throws -> Int64 { try integer(value[key]) }
        func time(_ key: String) throws -> ResourceUsage.CPUTime {
            .init(seconds: 0, microseconds: Int64((try double(value[key]) * 1e6).rounded()))
        }
        return ResourceUsage(
            utime: try time("utime"), stime: try time("stime"), maxrssKiB: try count("maxrss") / 1024,
            minflt: try count("minflt"), majflt: try count("majflt"), nswap: try count("nswap"),
            inblock: try count("inblock"), oublock: try count("oublock"), nvcsw: try count("nvcsw"),
            nivcsw: try count("nivcsw"))
    }

    static func descriptor(_ value: Value) throws -> FdResult? {
        switch (value["type"], value["text"] ?? value["data"], value["encoding"]) {
        case (nil, nil, nil): return nil
        case (.string("text"), .string(let text), .string("utf-8")): return .text(Array(text.utf8))
        case (.string("data"), .string(let text), .string("base64")):
            return .data(try #require(["": [], "b29wcwo=": Array("oops\n".utf8)][text]))
        case (.string("detached"), nil, .string(let encoding)):
            let encoding = try #require(FdResult.Encoding(rawValue: encoding))
            return .detached(length: UInt64(try integer(value["length"])), encoding: encoding)
        default: throw Missing()
        }
    }

    struct Missing: Error {}

    static func integer(_ value: Value?) throws -> Int64 {
        guard case .int(let number)? = value else { throw Missing() }
        return number
    }

    static func double(_ value: Value?) throws -> Double {
        guard case .double(let number)? = value else { throw Missing() }
        return number
    }

    static func strings(_ value: Value?) -> [String] {
        guard case .array(let items)? = value else { return [] }
        return items.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    static func time(_ value: Value?) throws -> WallTime {
        guard case .string(let text)? = value else { throw Missing() }
        let numbers = text.split(whereSeparator: { !$0.isNumber }).compactMap { Int64($0) }
        try #require(numbers.count == 9)
        var parts = tm()
        parts.tm_year = CInt(numbers[0]) - 1900
        parts.tm_mon = CInt(numbers[1]) - 1
        parts.tm_mday = CInt(numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (CInt(numbers[3]), CInt(numbers[4]), CInt(numbers[5]))
        return WallTime(nanoseconds: Int64(timegm(&parts)) * 1_000_000_000 + numbers[6])
    }
}
