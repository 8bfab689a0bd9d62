package import ProcIO

/// Keeps what a process writes to one of its descriptors.
///
/// All calls are made on the loop, and so are the callbacks. In order: ``begin()``
/// or ``abandon()``; ``settle(then:)`` and ``finish()`` when the process has ended;
/// ``close()`` when its result is forgotten, at any time.
package protocol OutputCapture: AnyObject {
    /// What the child's descriptor is to be a copy of; nil from ``begin()`` or ``abandon()`` on.
    var childEnd: SharedFD? { get }

    /// What somebody else is to hold, and under which slots, from the moment on when the process is there. Empty from
    /// ``begin()`` or ``abandon()`` on, and without a ``CaptureHolder``.
    var heldAtStart: [(slot: UInt8, file: SharedFD)] { get }

    /// The process has been spawned. Our copy of its end is closed, or end of file would never come.
    ///
    /// For a capture that was restored: it goes on. (If the process has ended, ``settle(then:)`` and ``finish()`` do.)
    func begin()

    /// The process wasn't spawned. The capture stays, with length 0.
    func abandon()

    /// How many bytes have been written in all, as far as they have come in. (What still is in a
    /// pipe, has not; after ``settle(then:)`` nothing of the process itself is there any more.)
    var length: UInt64 { get }

    /// How many of them were not kept, because of the limit.
    var cut: UInt64 { get }

    /// Why there is nothing to show: a clause for people. What the process writes after that is thrown away.
    var failure: String? { get }

    /// Whether bytes are in this program's memory and nowhere else, so that they would be lost with it: those that came
    /// out of a pipe while a disk was full.
    var holdsBytesInMemory: Bool { get }

    /// What can be read now: all bytes, or those kept with a mark between. Good on any thread, for
    /// as long as it is held, and true for this moment whatever is written later.
    func snapshot() -> CaptureSnapshot

    /// The process has ended: calls back, maybe at once, when everything that it wrote is in.
    /// Descendants that go on writing do not delay that beyond what fits in a pipe.
    func settle(then: @escaping () -> Void)

    /// The final result has been made: compress, as soon as nobody can write any more.
    func finish()

    /// Called once, when more than the limit has been written. (Draining goes on.) A capture that was restored calls
    /// again, for nobody knows whether anything has come of it before.
    var onLimit: (() -> Void)? { get set }

    /// Called when more has come in, or nothing will since that failed, and always within some other work of the capture, so that the answer to it had
    /// better wait. Captures in files never call: they don't hear of it.
    var onGrowth: (() -> Void)? { get set }

    /// Gives everything back; no callback comes any more. A descendant that still writes into a
    /// pipe then gets SIGPIPE.
    func close()
}
