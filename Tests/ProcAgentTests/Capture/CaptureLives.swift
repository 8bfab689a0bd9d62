import CLinux
import Glibc
import ProcCore
import ProcIO
import Synchronization
import TestSupport
import Testing

@testable import ProcAgent

/// What a keeper has of one capture: duplicates, which are there whatever becomes of those it was given.
struct HeldElsewhere {
    private(set) var files: [UInt8: SharedFD] = [:]
    var record: CaptureRecord?

    mutating func hold(_ file: SharedFD, slot: UInt8) { files[slot] = duplicate(file) }

    mutating func drop(slot: UInt8) { files[slot] = nil }

    /// What the next program is given.
    func handedOver() -> [UInt8: SharedFD] { files.mapValues(duplicate) }
}

/// Another descriptor of the same file.
func duplicate(_ file: SharedFD) -> SharedFD {
    SharedFD(OwnedFD(adopting: fcntl(file.rawValue, F_DUPFD_CLOEXEC, 0)))
}

/// What one program asks a keeper for; some of it may be under way when the program ends.
final class HolderInOneLife: CaptureHolder {
    private struct Request {
        let change: (inout HeldElsewhere) -> Void
        let then: () -> Void
    }

    private(set) var held: HeldElsewhere
    /// All that was held at some time, from when it is set on.
    var history: [HeldElsewhere]?
    /// How often something was to be held.
    private(set) var holdCount = 0
    private let loop: EventLoop?
    private var underWay: [Request] = []
    private var askCount = 0
    /// Those that come later come at all.
    var answers = true {
        didSet {
            while answers, !underWay.isEmpty { answerNext() }
        }
    }
    private var isOver = false

    /// - Parameter loop: Where the answers come later; nil: at once.
    init(_ held: HeldElsewhere = HeldElsewhere(), answersOn loop: EventLoop? = nil) {
        self.held = held
        self.loop = loop
    }

    func start(_ capture: any OutputCapture) {
        for (slot, file) in capture.heldAtStart { held.hold(file, slot: slot) }
    }

    func hold(_ file: SharedFD, slot: UInt8, then: @escaping () -> Void) {
        holdCount += 1
        let file = duplicate(file)
        ask(Request(change: { $0.hold(file, slot: slot) }, then: then))
    }

    func drop(slot: UInt8) {
        #expect(held.files[slot] != nil || !underWay.isEmpty, "slot \(slot) isn't held")
        ask(Request(change: { $0.drop(slot: slot) }, then: {}))
    }

    func record(_ record: CaptureRecord) {
        guard !isOver else { return }
        held.record = record
        history?.append(held)
    }

    private func ask(_ request: Request) {
        guard !isOver else { return }
        askCount += 1
        // Some are answered at once all the same, if that is their turn.
        guard let loop, !underWay.isEmpty || askCount % 4 > 0 else {
            carryOut(request)
            return request.then()
        }
        underWay.append(request)
        loop.soon { [self] in
            if answers { answerNext() }
        }
    }

    private func answerNext() {
        guard !isOver, !underWay.isEmpty else { return }
        let request = underWay.removeFirst()
        carryOut(request)
        request.then()
    }

    private func carryOut(_ request: Request) {
        request.change(&held)
        history?.append(held)
    }

    /// The program ends; of what was under way, so many requests have come through.
    func end(after count: Int = 0) -> HeldElsewhere {
        isOver = true
        underWay.prefix(count).forEach(carryOut)
        underWay = []
        history = nil
        return held
    }

    var underWayCount: Int { underWay.count }
}

/// A capture that one program after the other has, each of them killed.
final class CaptureLives {
    let directory: String
    private let parameters: CaptureParameters
    private let settings: (inout CaptureSettings) -> Void
    private let answersLater: Bool
    private(set) var bed: CaptureBed
    private(set) var holder: HolderInOneLife
    private(set) var capture: any OutputCapture
    private(set) var killCount = 0
    /// What the killed have had. Nothing of it runs any more; it is put away in the end.
    private var dead: [(bed: CaptureBed, capture: any OutputCapture)] = []
    private let ownsDirectory: Bool

    init(
        _ parameters: CaptureParameters, directory: String? = nil, answersLater: Bool = false,
        _ settings: @escaping (inout CaptureSettings) -> Void = { _ in }
    ) throws {
        self.directory = try directory ?? CaptureBed.newDirectory()
        ownsDirectory = directory == nil
        self.parameters = parameters
        self.settings = settings
        self.answersLater = answersLater
        bed = try CaptureBed(directory: self.directory, settings)
        holder = HolderInOneLife(answersOn: answersLater ? bed.loop : nil)
        capture = try bed.factory.make(parameters, label: "test", holder: holder)
        holder.start(capture)
    }

    /// The writing end, when the process has started.
    func begin() throws -> SharedFD {
        let end = try #require(capture.childEnd)
        capture.begin()
        return end
    }

    /// Ends the program as SIGKILL does, and lets the next one take over.
    func kill(_ numbers: inout SeededGenerator, restores: Bool = true) throws {
        try kill(requestsThrough: Int.random(in: 0...holder.underWayCount, using: &numbers))
    }

    /// - Parameter held: What the next one is given; nil: what was held.
    func kill(requestsThrough: Int = 0, held: HeldElsewhere? = nil) throws {
        // Its threads are in no call of the kernel any more.
        let isIdle = Flag()
        bed.factory.spill.run {
            isIdle.set()
        } then: {
        }
        while !isIdle.isSet { sched_yield() }
        let held = held ?? holder.end(after: requestsThrough)
        _ = holder.end()
        dead.append((bed, capture))
        killCount += 1

        bed = try CaptureBed(directory: directory, settings)
        holder = HolderInOneLife(held, answersOn: answersLater ? bed.loop : nil)
        capture = bed.factory.restore(
            parameters, label: "test", held: held.handedOver(), record: held.record, holder: holder)
        capture.begin()
    }

    /// Lets the program run for a moment.
    func run(_ time: Interval) {
        var isOver = false
        let timer = bed.loop.at(bed.loop.now + time) { isOver = true }
        bed.loop.run { isOver }
        bed.loop.cancel(timer)
    }

    /// What is to be known of a capture after `all` has been written.
    func expectSettled(_ all: ArraySlice<UInt8>, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        bed.settle(capture, sourceLocation: sourceLocation)
        let limit = parameters.limit ?? .max
        let expected = KeptOutputTests.model(all, limit: limit, keep: parameters.keep)
        #expect(capture.failure == nil, "\(what)", sourceLocation: sourceLocation)
        #expect(capture.length == UInt64(all.count), "\(what)", sourceLocation: sourceLocation)
        #expect(capture.cut == UInt64(max(0, all.count - limit)), "\(what)", sourceLocation: sourceLocation)
        let isSame = (try? capture.snapshot().whole()) == expected
        #expect(isSame, "the document, \(what)", sourceLocation: sourceLocation)
    }

    /// Closes all there is and was, and sees that nothing is left.
    func end(sourceLocation: SourceLocation = #_sourceLocation) {
        _ = holder.end()
        holder = HolderInOneLife()
        for (bed, capture) in dead + [(bed, capture)] {
            capture.close()
            bed.run(
                "the threads", until: { bed.factory.spill.backlog + bed.worker.backlog == 0 },
                sourceLocation: sourceLocation)
            #expect(bed.factory.budget.used == 0, sourceLocation: sourceLocation)
        }
        dead = []
        if ownsDirectory {
            bed.run(
                "the files' end", until: { CaptureBed.descriptors(showing: directory) == 0 },
                sourceLocation: sourceLocation)
            #expect(rmdir(directory) == 0, "\(directory) isn't empty", sourceLocation: sourceLocation)
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
