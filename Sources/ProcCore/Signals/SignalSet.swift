/// A set of signals as the kernel writes its masks: bit n-1 stands for signal n.
package struct SignalSet: Hashable, Sendable {
    package var bits: UInt64

    package init(bits: UInt64) { self.bits = bits }

    /// Whether `signal` is in the set.
    package func contains(_ signal: Signal) -> Bool { bits >> UInt64(signal.number - 1) & 1 == 1 }

    /// The names of its signals, in the order of their numbers.
    package var names: [String] { map(\.name) }

    /// The names as an array of strings.
    package var value: Value { .array(map { .string($0.name) }) }

    private func map<Result>(_ transform: (Signal) -> Result) -> [Result] {
        var results: [Result] = []
        results.reserveCapacity(bits.nonzeroBitCount)
        var rest = bits
        while rest != 0 {
            // Bits 0 to 63 are signals 1 to 64: there is always one.
            if let signal = Signal(rest.trailingZeroBitCount + 1) { results.append(transform(signal)) }
            rest &= rest - 1
        }
        return results
    }
}
