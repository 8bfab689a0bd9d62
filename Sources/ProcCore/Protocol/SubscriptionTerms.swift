/// What a server wants to be told of a process: the contents of `ProcSubscribeRequest`.
package struct SubscriptionTerms: Equatable, Sendable {
    /// The output of one fd.
    package struct Output: Equatable, Sendable {
        package let fd: FdName
        /// Where to begin; a negative one counts from the end that the output has at the time.
        package let start: Int64
        /// How many bytes may be on their way without an acknowledgement.
        package let window: UInt64

        package init(fd: FdName, start: Int64 = 0, window: UInt64 = SubscriptionTerms.defaultWindow) {
            self.fd = fd
            self.start = start
            self.window = window
        }
    }

    package static let defaultWindow: UInt64 = 1 << 20
    /// More than one message can hold would never be used up.
    package static let largestWindow = OutputRange.largestAnswer
    /// A result costs some reading in `/proc`.
    package static let shortestInterval = Interval.milliseconds(100)

    /// The time between two results of the running process; nil for none but at its end.
    package let interval: Interval?
    /// Each fd once.
    package let output: [Output]

    package init(interval: Interval?, output: [Output]) {
        self.interval = interval
        self.output = output
    }

    init(_ fields: MessageFields) throws(SpecError) {
        interval = try fields.readNullable("interval") { value throws(SpecError) in
            let wanted = "a number of seconds from 0.1 up, or null"
            let interval = try value.seconds(zeroAllowed: false, wanted)
            guard interval >= Self.shortestInterval else { throw value.isNot(wanted) }
            return interval
        }
        let output =
            try fields.readNullable("output") { value throws(SpecError) in try value.members(Self.output) } ?? []
        for (index, entry) in output.enumerated() where output[..<index].contains(where: { $0.fd == entry.fd }) {
            throw SpecError.verbatim("duplicate fd: \(entry.fd.spelling)")
        }
        self.output = output
    }

    private static func output(_ fd: String, _ value: Value) throws(SpecError) -> Output {
        let fd = try FdName(parsing: fd)
        guard case .map = value else { throw value.isNot(#"an object with the keys "start" and "window""#) }
        let fields = MessageFields(value)
        let start = try fields.readNullable("start") { value throws(SpecError) in
            try value.integer(.min ... .max, "a whole number of 64 bits")
        }
        let window = try fields.readNullable("window") { value throws(SpecError) in
            UInt64(try value.integer(1...Int64(largestWindow), "a number of bytes from 1 to \(largestWindow)"))
        }
        return Output(fd: fd, start: start ?? 0, window: window ?? defaultWindow)
    }
}
