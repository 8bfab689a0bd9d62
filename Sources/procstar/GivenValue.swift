internal import ProcCore

/// A value as somebody gave it, and by what, so that a complaint can name the place.
struct GivenValue {
    let text: String
    /// `option --agent-port`, `variable PROCSTAR_AGENT_PORT`.
    let origin: String

    init(_ text: String, by option: OptionName) {
        self.text = text
        origin = "option \(option.spelling)"
    }

    init(_ text: String, byVariable name: String) {
        self.text = text
        origin = "variable \(name)"
    }

    /// - Parameter wanted: What would do, to stand after `is not`.
    func isNot(_ wanted: String) -> UsageError { UsageError("\(origin): \"\(text)\" is not \(wanted)") }

    func choice<Choice: RawRepresentable<String> & CaseIterable>() throws(UsageError) -> Choice {
        if let choice = Choice(rawValue: text) { return choice }
        throw isNot("one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }

    /// An address may stand in brackets.
    func host() throws(UsageError) -> String {
        var host = text
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // What stands behind a % names an interface.
        let address = host.prefix { $0 != "%" }
        let isAddress = IPAddress(parsing: String(address)) != nil
        let unfit = host.unicodeScalars.contains {
            $0.value <= 0x20 || $0.value == 0x7f || "/@?#[]".unicodeScalars.contains($0)
        }
        guard !host.isEmpty, !unfit, isAddress || !host.contains(":") else {
            throw isNot(
                "a host: a name or an address alone, such as scheduler.example; the port has an option of its own")
        }
        return host
    }

    func port() throws(UsageError) -> UInt16 {
        guard let port = decimal.flatMap({ UInt16($0) }), port > 0 else {
            throw isNot("a port: a number from 1 to 65535")
        }
        return port
    }

    func count() throws(UsageError) -> Int {
        guard let count = decimal.flatMap({ Int($0) }), count > 0 else {
            throw isNot("a number of attempts, 1 or more")
        }
        return count
    }

    /// Seconds, also parts of one.
    func interval() throws(UsageError) -> Interval {
        let wanted = "a number of seconds, such as 60 or 0.25"
        guard let interval = Interval(seconds: try number(wanted, from: 0)) else { throw isNot(wanted) }
        return interval
    }

    /// A decimal number. `nan`, `inf` and `0x10`, which Swift reads, are none here.
    func number(_ wanted: String, from least: Double) throws(UsageError) -> Double {
        let isDecimal = text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
        guard isDecimal, let number = Double(text), number.isFinite, number >= least else { throw isNot(wanted) }
        return number
    }

    /// The text, if it is digits and nothing else.
    private var decimal: String? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? text : nil
    }
}
