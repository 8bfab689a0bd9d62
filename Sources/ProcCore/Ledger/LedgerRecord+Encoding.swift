extension LedgerRecord {
    /// The first element of a record. A number stays what it is for ever, also when nobody writes it any more.
    enum Kind: Int64 {
        case agent = 1
        case accepted = 2
        case begun = 3
        case spawned = 4
        case failed = 5
        case stopping = 6
        case ended = 7
        case capture = 8
        case forgotten = 9
    }

    /// How many bytes stand before a record: its length and its checksum, 4 each.
    static let frameCount = 8

    /// The bytes of records as they stand in a ledger, one after the other. On any thread.
    package static func encoded(_ records: some Sequence<LedgerRecord>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 * records.underestimatedCount)
        for record in records { record.append(to: &bytes) }
        return bytes
    }

    /// Appends the record's bytes as they stand in a ledger.
    package func append(to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Self.frameCount))
        MessagePackWriter.append(value, to: &bytes)
        bytes.withUnsafeMutableBytes { bytes in
            let payload = UnsafeRawBufferPointer(rebasing: bytes[(start + Self.frameCount)...])
            // Whatever goes into a ledger has come in a message, which is much shorter.
            precondition(payload.count <= UInt32.max, "a record longer than its length can say")
            bytes.storeBytes(of: UInt32(payload.count).littleEndian, toByteOffset: start, as: UInt32.self)
            bytes.storeBytes(of: CRC32.checksum(payload).littleEndian, toByteOffset: start + 4, as: UInt32.self)
        }
    }

    private var value: Value {
        switch self {
        case .agent(let agent):
            Self.array(.agent, 0, [.integer(agent.pid), .string(agent.version), .int(agent.time.nanoseconds)])
        case .accepted(let token, let accepted): Self.array(.accepted, token, accepted.fields)
        case .begun(let token, let begun): Self.array(.begun, token, begun.fields)
        case .spawned(let token, let pid): Self.array(.spawned, token, [.integer(pid)])
        case .failed(let token, let failed): Self.array(.failed, token, failed.fields)
        case .stopping(let token, let stopping): Self.array(.stopping, token, stopping.fields)
        case .ended(let token, let ended): Self.array(.ended, token, ended.fields)
        case .capture(let token, let position, let capture):
            Self.array(.capture, token, [.integer(position), capture.value])
        case .forgotten(let token): Self.array(.forgotten, token, [])
        }
    }

    private static func array(_ kind: Kind, _ token: UInt64, _ fields: [Value]) -> Value {
        .array([.int(kind.rawValue), .integer(token)] + fields)
    }
}

extension LedgerRecord.Accepted {
    fileprivate var fields: [Value] {
        let pipes = pipes.map { Value.array([.integer($0.fd), .integer($0.pipe)]) }
        return [.string(id), spec, .integer(request), .integer(index), .array(pipes)]
    }
}

extension LedgerRecord.Begun {
    fileprivate var fields: [Value] {
        [
            .int(start.nanoseconds), .integer(startInstant.nanoseconds), .optional(directory) { .string($0) },
            .optional(environment) { .map($0) }, .integer(keeper),
        ]
    }
}

extension LedgerRecord.Failed {
    fileprivate var fields: [Value] {
        [
            .int(stop.nanoseconds), .integer(stopInstant.nanoseconds), .array(errors.map { .string($0) }),
            .optional(reason) { $0.value }, .bool(isLost),
        ]
    }
}

extension LedgerRecord.Stopping {
    fileprivate var fields: [Value] {
        [
            state.value, .optional(reason) { $0.value },
            .optional(graceEnd) { .integer($0.nanoseconds) }, .optional(grace) { .integer($0.nanoseconds) },
            .optional(lastSignal) { .array([.integer($0.signum), $0.sender.value]) },
        ]
    }
}

extension LedgerRecord.Ended {
    fileprivate var fields: [Value] {
        let times = [usage.utime, usage.stime].flatMap { [$0.seconds, $0.microseconds] }
        let counts = [
            usage.maxrssKiB, usage.minflt, usage.majflt, usage.nswap, usage.inblock, usage.oublock, usage.nvcsw,
            usage.nivcsw,
        ]
        return [
            .int(stop.nanoseconds), .integer(stopInstant.nanoseconds), .integer(status),
            .array((times + counts).map { .int($0) }), .binary(stat),
        ]
    }
}

extension CaptureRecord {
    enum Word: String, CaseIterable { case failed, compressed }

    fileprivate var value: Value {
        switch self {
        case .failed(let reason): .array([Word.failed.value, .string(reason)])
        case .compressed(let file):
            .array([
                Word.compressed.value, .integer(file.slot), .integer(file.count), .integer(file.plainCount),
                .array(file.starts.map { .integer($0) }), .integer(file.total), .integer(file.cut),
            ])
        }
    }
}

extension StopReason {
    enum Word: String, CaseIterable { case timeout, limit, asked }

    fileprivate var value: Value {
        switch self {
        case .timeout(let interval): .array([Word.timeout.value, .integer(interval.nanoseconds)])
        case .limit(let fd): .array([Word.limit.value, .integer(fd)])
        case .asked(let sender): .array([Word.asked.value, sender.value])
        }
    }
}

extension RawRepresentable<String> {
    fileprivate var value: Value { .string(rawValue) }
}

extension Value {
    fileprivate static func optional<T>(_ content: T?, _ value: (T) -> Value) -> Value {
        content.map(value) ?? .null
    }
}
