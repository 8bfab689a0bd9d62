internal import CLinux
internal import ProcCore

/// Where threads leave what they have done for the loop to pick up.
///
/// Any thread may post; the loop is woken through an eventfd. Closures that run
/// on the loop stay on the loop: what crosses threads is a ticket and a Sendable value.
package final class Mailbox {
    /// The side of the box that other threads see.
    final class Slot: Sendable {
        fileprivate let wake: OwnedFD
        private let letters = Guarded<[Letter]>([])

        fileprivate init() throws(SystemError) {
            wake = try OwnedFD(result: clinux_eventfd(), "eventfd")
        }

        func post(_ value: any Sendable, for ticket: UInt64) {
            let wasEmpty = letters.withLock { letters in
                letters.append(Letter(ticket: ticket, value: value))
                return letters.count == 1
            }
            guard wasEmpty else { return }
            var one: UInt64 = 1
            _ = write(wake.rawValue, &one, MemoryLayout<UInt64>.size)
        }

        fileprivate func takeAll() -> [Letter] {
            var count: UInt64 = 0
            _ = read(wake.rawValue, &count, MemoryLayout<UInt64>.size)
            return letters.withLock { letters in
                let all = letters
                letters.removeAll()
                return all
            }
        }
    }

    fileprivate struct Letter: Sendable {
        let ticket: UInt64
        let value: any Sendable
    }

    let slot: Slot
    private let loop: EventLoop
    private var token: EventLoop.Token?
    private var waiting: [UInt64: (any Sendable) -> Void] = [:]
    private var lastTicket: UInt64 = 0

    init(loop: EventLoop) throws(SystemError) {
        self.loop = loop
        slot = try Slot()
        token = try loop.watch(slot.wake.rawValue, for: .readable) { [unowned self] _ in deliver() }
    }

    deinit {
        if let token { loop.unwatch(token) }
    }

    /// How many letters are still to come.
    var expected: Int { waiting.count }

    /// A ticket under which `receive` will be called, on the loop, with what is posted for it.
    func expect<T: Sendable>(_ receive: @escaping (T) -> Void) -> UInt64 {
        lastTicket += 1
        waiting[lastTicket] = { value in
            guard let value = value as? T else { preconditionFailure("posted \(type(of: value)), not \(T.self)") }
            receive(value)
        }
        return lastTicket
    }

    /// Nothing will be posted under this ticket.
    func forget(_ ticket: UInt64) { waiting[ticket] = nil }

    private func deliver() {
        for letter in slot.takeAll() {
            waiting.removeValue(forKey: letter.ticket)?(letter.value)
        }
    }
}
