/// How a process is ended that has to be: first asked, then killed.
package struct StopSpec: Equatable, Sendable {
    /// The signal that asks.
    package var signal: Signal
    /// How long it then has until SIGKILL.
    package var grace: Interval

    package init(signal: Signal = .terminate, grace: Interval = .seconds(10)) {
        self.signal = signal
        self.grace = grace
    }
}
