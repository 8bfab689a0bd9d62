internal import CLinux
package import ProcCore

/// A value that a thread of its own makes while other things are done.
package final class Ahead<Value: Sendable>: Sendable {
    private let made = Guarded<Value?>(nil)
    private let isMade = ThreadSignal()

    package init(_ make: @escaping @Sendable () -> Value) throws(SystemError) {
        let (made, isMade) = (made, isMade)
        try Thread.start(stack: .large) {
            let value = make()
            made.withLock { $0 = value }
            isMade.signal()
        }
    }

    /// Waits for it.
    package var value: Value {
        while true {
            if let value = made.withLock({ $0 }) { return value }
            isMade.wait()
            // For others who wait.
            isMade.signal()
        }
    }
}
