package import ProcCore

/// Records as an agent might write them, at random: tokens rise, and what is accepted is mostly what later ones speak
/// of.
package struct LedgerHistory {
    package var numbers: SeededGenerator
    /// How long a spec is, in bytes and roughly.
    private let specLength: Int
    private var known: [UInt64] = []
    private var lastToken: UInt64 = 0
    private var request: UInt64 = 0

    package init(seed: UInt64, specLength: Int = 20) {
        numbers = SeededGenerator(seed: seed)
        self.specLength = specLength
    }

    package mutating func next() -> LedgerRecord {
        let kind = known.isEmpty ? 0 : number(13)
        guard kind > 2 else { return accept() }
        if kind == 3 { return .agent(.init(pid: 1 + Int32(number(9999)), version: text(), time: wallTime())) }
        let place = number(known.count)
        if kind <= 5 { return .forgotten(token: known.remove(at: place)) }
        // Now and then one that nobody knows.
        return record(of: number(20) == 0 ? UInt64.max - UInt64(number(9)) : known[place])
    }

    private mutating func accept() -> LedgerRecord {
        // Now and then a token that was there before, which must change nothing.
        if number(20) == 0, let token = known.first { return accepted(token) }
        lastToken += 1 + UInt64(number(3))
        if number(3) == 0 { request += 1 }
        known.append(lastToken)
        return accepted(lastToken)
    }

    private mutating func accepted(_ token: UInt64) -> LedgerRecord {
        let spec: Value = .map([
            .init("argv", .array([.string(text()), .string(String(repeating: "x", count: number(2 * specLength)))])),
            .init("timeout", .double(Double(number(1000)) / 8)), .init("env", .map([.init(text(), .null)])),
        ])
        let pipes = (0..<number(3)).map { _ in LedgerRecord.PipeEnd(fd: CInt(number(9)), pipe: number(99)) }
        return .accepted(
            token: token, .init(id: text(), spec: spec, request: request, index: number(20_000), pipes: pipes))
    }

    private mutating func record(of token: UInt64) -> LedgerRecord {
        switch number(6) {
        case 0:
            let environment = (0..<number(3)).map { Value.Member("\($0)=\(text())", .string(text())) }
            return .begun(
                token: token,
                .init(
                    start: wallTime(), startInstant: instant(), directory: maybe { $0.text() },
                    environment: maybe { _ in environment }, keeper: Int32(number(9999))))
        case 1: return .spawned(token: token, pid: 1 + Int32(number(4_000_000)))
        case 2:
            return .failed(
                token: token,
                .init(
                    stop: wallTime(), stopInstant: instant(), errors: (0..<number(3)).map { _ in text() },
                    reason: maybe { $0.reason() }, isLost: number(2) == 0))
        case 3: return .stopping(token: token, stopping())
        case 4: return .ended(token: token, ended())
        default: return .capture(token: token, position: number(4), capture())
        }
    }

    private mutating func stopping() -> LedgerRecord.Stopping {
        let states = Lifecycle.State.allCases
        return LedgerRecord.Stopping(
            state: states[number(states.count)], reason: maybe { $0.reason() }, graceEnd: maybe { $0.instant() },
            grace: maybe { Interval(nanoseconds: $0.numbers.next()) },
            lastSignal: maybe { .init(signum: CInt(1 + $0.number(64)), sender: $0.sender()) })
    }

    private mutating func ended() -> LedgerRecord.Ended {
        var counts = (0..<12).map { _ in Int64(number(1 << 40)) }
        let usage = ResourceUsage(
            utime: .init(seconds: counts.removeLast(), microseconds: counts.removeLast()),
            stime: .init(seconds: counts.removeLast(), microseconds: counts.removeLast()),
            maxrssKiB: counts.removeLast(), minflt: counts.removeLast(), majflt: counts.removeLast(),
            nswap: counts.removeLast(), inblock: counts.removeLast(), oublock: counts.removeLast(),
            nvcsw: counts.removeLast(), nivcsw: counts.removeLast())
        return LedgerRecord.Ended(
            stop: wallTime(), stopInstant: instant(), status: Int32(truncatingIfNeeded: numbers.next()), usage: usage,
            stat: (0..<number(300)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) })
    }

    private mutating func capture() -> CaptureRecord {
        guard number(3) > 0 else { return .failed(text()) }
        return .compressed(
            .init(
                slot: UInt8(number(256)), count: number(1 << 40), plainCount: number(1 << 50),
                starts: (0..<number(5)).map { $0 * number(1 << 20) }, total: numbers.next(), cut: numbers.next()))
    }

    private mutating func reason() -> StopReason {
        switch number(3) {
        case 0: .timeout(Interval(nanoseconds: numbers.next()))
        case 1: .limit(fd: CInt(number(1000)))
        default: .asked(sender())
        }
    }

    private mutating func sender() -> Cause.Sender { Cause.Sender.allCases[number(Cause.Sender.allCases.count)] }
    private mutating func wallTime() -> WallTime { WallTime(nanoseconds: Int64(bitPattern: numbers.next())) }
    private mutating func instant() -> Instant { Instant(nanoseconds: numbers.next()) }

    private mutating func text() -> String {
        let words = [
            "", "a", "build", "Übung", "two words", "line\nbreak", "nul\0", String(repeating: "long", count: 20),
        ]
        return words[number(words.count)]
    }

    private mutating func maybe<T>(_ content: (inout LedgerHistory) -> T) -> T? {
        number(2) == 0 ? nil : content(&self)
    }

    private mutating func number(_ bound: Int) -> Int { Int(numbers.next() % UInt64(max(bound, 1))) }
}
