extension LedgerRecord {
    /// Reads what a ledger holds; nil for a kind of record that isn't known here.
    static func decode(_ value: Value) throws(SpecError) -> LedgerRecord? {
        var fields = try LedgerFields(value)
        guard let kind = Kind(rawValue: try fields.number()) else { return nil }
        return try below(.key("\(kind)")) { () throws(SpecError) in try decode(kind, &fields) }
    }

    private static func decode(_ kind: Kind, _ fields: inout LedgerFields) throws(SpecError) -> LedgerRecord {
        let token: UInt64 = try fields.number()
        switch kind {
        case .agent: return .agent(try Agent(&fields))
        case .accepted: return .accepted(token: token, try Accepted(&fields))
        case .begun: return .begun(token: token, try Begun(&fields))
        case .spawned: return .spawned(token: token, pid: try fields.count())
        case .failed: return .failed(token: token, try Failed(&fields))
        case .stopping: return .stopping(token: token, try Stopping(&fields))
        case .ended: return .ended(token: token, try Ended(&fields))
        case .capture:
            let position: Int = try fields.count()
            let record = try fields.read { value throws(SpecError) in try CaptureRecord(value) }
            return .capture(token: token, position: position, record)
        case .forgotten: return .forgotten(token: token)
        }
    }
}

extension LedgerRecord.Agent {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        pid = try fields.count()
        version = try fields.string()
        time = WallTime(nanoseconds: try fields.number())
    }
}

extension LedgerRecord.Accepted {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        id = try fields.string()
        spec = try fields.read { value in value }
        request = try fields.number()
        index = try fields.count()
        pipes = try fields.read { value throws(SpecError) in
            try value.elements("an array of pipe ends") { value throws(SpecError) in
                var fields = try LedgerFields(value)
                return LedgerRecord.PipeEnd(fd: try fields.count(), pipe: try fields.count())
            }
        }
    }
}

extension LedgerRecord.Begun {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        start = WallTime(nanoseconds: try fields.number())
        startInstant = Instant(nanoseconds: try fields.number())
        directory = try fields.readNullable { value throws(SpecError) in try value.string() }
        environment = try fields.readNullable { value throws(SpecError) in
            guard case .map(let members) = value else { throw value.isNot("an object") }
            return members
        }
        keeper = try fields.count()
    }
}

extension LedgerRecord.Failed {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        stop = WallTime(nanoseconds: try fields.number())
        stopInstant = Instant(nanoseconds: try fields.number())
        errors = try fields.read { value throws(SpecError) in
            try value.elements("an array of errors") { value throws(SpecError) in try value.string() }
        }
        reason = try fields.readNullable { value throws(SpecError) in try StopReason(value) }
        isLost = try fields.bool()
    }
}

extension LedgerRecord.Stopping {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        state = try fields.choice()
        reason = try fields.readNullable { value throws(SpecError) in try StopReason(value) }
        graceEnd = try fields.readNullable { value throws(SpecError) in Instant(nanoseconds: try value.number()) }
        grace = try fields.readNullable { value throws(SpecError) in Interval(nanoseconds: try value.number()) }
        lastSignal = try fields.readNullable { value throws(SpecError) in
            var fields = try LedgerFields(value)
            return LedgerRecord.SentSignal(signum: try fields.count(), sender: try fields.choice())
        }
    }
}

extension LedgerRecord.Ended {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        stop = WallTime(nanoseconds: try fields.number())
        stopInstant = Instant(nanoseconds: try fields.number())
        status = try fields.number()
        usage = try fields.read { value throws(SpecError) in try ResourceUsage(value) }
        stat = try fields.read { value throws(SpecError) in
            guard case .binary(let bytes) = value else { throw value.isNot("binary data") }
            return bytes
        }
    }
}

extension ResourceUsage {
    fileprivate init(_ value: Value) throws(SpecError) {
        var fields = try LedgerFields(value)
        self.init(
            utime: try CPUTime(&fields), stime: try CPUTime(&fields), maxrssKiB: try fields.number(),
            minflt: try fields.number(), majflt: try fields.number(), nswap: try fields.number(),
            inblock: try fields.number(), oublock: try fields.number(), nvcsw: try fields.number(),
            nivcsw: try fields.number())
    }
}

extension ResourceUsage.CPUTime {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        self.init(seconds: try fields.number(), microseconds: try fields.number())
    }
}

extension CaptureRecord {
    fileprivate init(_ value: Value) throws(SpecError) {
        var fields = try LedgerFields(value)
        switch try fields.choice(Word.self) {
        case .failed: self = .failed(try fields.string())
        case .compressed: self = .compressed(try Compressed(&fields))
        }
    }
}

extension CaptureRecord.Compressed {
    fileprivate init(_ fields: inout LedgerFields) throws(SpecError) {
        slot = try fields.number()
        count = try fields.count()
        plainCount = try fields.count()
        starts = try fields.read { value throws(SpecError) in
            try value.elements("an array of offsets") { value throws(SpecError) in try value.number() }
        }
        total = try fields.number()
        cut = try fields.number()
    }
}

extension StopReason {
    fileprivate init(_ value: Value) throws(SpecError) {
        var fields = try LedgerFields(value)
        switch try fields.choice(Word.self) {
        case .timeout: self = .timeout(Interval(nanoseconds: try fields.number()))
        case .limit: self = .limit(fd: try fields.count())
        case .asked: self = .asked(try fields.choice())
        }
    }
}
