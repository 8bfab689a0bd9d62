internal import CLinux
internal import ProcCore
internal import ProcIO

/// Captures through a pipe: in memory as long as there may be more of it, then on disk.
///
/// As long as all lies in memory, the loop itself drains. Once it goes to disk,
/// which may be slow, the spill worker does, one turn at a time, while the loop
/// doesn't look at the pipe.
///
/// When the disk is full, nothing more is read: the process waits in its own
/// write, and goes on when there is room again, which is looked for every second.
/// When the process has ended before that, what it left in the pipe (a MiB at
/// most) is held in memory, so that its result is whole all the same.
///
/// With a holder each byte is, at any moment, in the pipe or in a file, both of
/// which are held. So draining stops before each new file until that is held.
final class PipeCapture: OutputCapture {
    private enum State {
        case unstarted
        /// The pipe stays open as long as it is watched: where a holder has it, too, closing it wouldn't end that.
        case watching(EventLoop.Token, SharedFD)
        /// The spill worker has the pipe.
        case away
        /// Draining goes on when the file for what comes next is held.
        case holding
        case waitingForRoom(EventLoop.TimerID)
        /// The pipe is closed, and nothing is held back.
        case ended
        case closed
    }

    /// Taken in one go on the loop, so that others get their turn.
    private static let loopTurn = 1 << 20

    private let factory: CaptureFactory
    private let files: UnnamedFile
    private let limit: Int?
    private var share: MemoryShare
    private var drain: PipeDrain
    private var state = State.unstarted
    private var pipeSize: PipeSize
    /// The document once it is compressed, and how much had been cut from it.
    private var compressed: (file: GzipFile, cut: UInt64)?
    private var held: HeldFiles?
    private var settling: Settling?
    private var isFinished = false
    private var hasPassedLimit = false

    private(set) var childEnd: SharedFD?
    private(set) var failure: String?
    var onLimit: (() -> Void)?
    var onGrowth: (() -> Void)?
    /// What was there when growth was last told.
    private var toldLength: UInt64 = 0

    init(
        _ factory: CaptureFactory, _ parameters: CaptureParameters, files: UnnamedFile, holder: (any CaptureHolder)?
    ) throws(SystemError) {
        let (pipe, writer) = try Self.newPipe()
        childEnd = writer
        self.factory = factory
        self.files = files
        limit = parameters.limit
        share = MemoryShare(of: factory.budget, limit: factory.settings.memoryEach)
        var kept = KeptOutput(parameters, files: files, isHeld: holder != nil)
        if let holder {
            // Made now, it is held with the start, and most captures need no other.
            held = HeldFiles(holder, [HeldFiles.first: pipe, HeldFiles.first + 1: try kept.addFile()])
        }
        drain = PipeDrain(pipe, into: kept)
        pipeSize = PipeSize(factory)
    }

    private static func newPipe() throws(SystemError) -> (reader: SharedFD, writer: SharedFD) {
        var (reader, writer): (CInt, CInt) = (-1, -1)
        let result = clinux_pipe(&reader, &writer)
        guard result >= 0 else { throw SystemError("pipe2", errno: -result) }
        let ends = (SharedFD(OwnedFD(adopting: reader).settled()), SharedFD(OwnedFD(adopting: writer)))
        let nonblocking = clinux_set_nonblocking(ends.0.rawValue)
        guard nonblocking >= 0 else { throw SystemError("fcntl", errno: -nonblocking) }
        return ends
    }

    init(
        _ factory: CaptureFactory, _ parameters: CaptureParameters, files: UnnamedFile, restoring held: HeldFiles,
        record: CaptureRecord?
    ) {
        self.factory = factory
        self.files = files
        self.held = held
        limit = parameters.limit
        share = MemoryShare(of: factory.budget, limit: factory.settings.memoryEach)
        let remains = PipeRemains(parameters, files: files, held: held.files, record: record)
        switch remains.content {
        case .plain(let kept):
            drain = PipeDrain(remains.pipe, into: kept)
            share.reserve(kept.memoryCount)
        case .compressed(let file, let record):
            drain = PipeDrain(nil, into: KeptOutput(parameters, files: files, givenUpAfter: record.total))
            compressed = (file, record.cut)
            if FileMark(of: file.file).place == .memory { share.reserve(file.count) }
        case .failed(let reason, isOnRecord: _):
            drain = PipeDrain(remains.pipe, into: KeptOutput(parameters, files: files, givenUpAfter: 0))
            failure = reason
        }
        pipeSize = PipeSize(factory, restoring: drain.capacity)
        if case .failed(let reason, isOnRecord: false) = remains.content { reportFailure(reason) }
        toldLength = length
        dropUnneeded()
    }

    deinit {
        leaveState()
        pipeSize.giveBack()
    }

    // MARK: What there is

    var length: UInt64 { drain.kept.total }

    var holdsBytesInMemory: Bool { drain.kept.isHeldBack }

    var cut: UInt64 { compressed?.cut ?? drain.kept.cut }

    func snapshot() -> CaptureSnapshot {
        if let compressed { return CaptureSnapshot(parts: [.gzip(compressed.file)]) }
        return drain.kept.document()
    }

    // MARK: The process' life

    var heldAtStart: [(slot: UInt8, file: SharedFD)] { childEnd == nil ? [] : held?.atStart ?? [] }

    func begin() {
        childEnd = nil
        guard case .unstarted = state else { return }
        if drain.kept.total > 0 {
            // Restored: it may have passed the limit without anybody having heard.
            factory.loop.soon { [weak self] in self?.noteLimit() }
        }
        watch()
    }

    func abandon() {
        childEnd = nil
        held = nil
        drain.end()
        state = .ended
    }

    func settle(then: @escaping () -> Void) {
        beginIfRestored()
        settling = Settling(then: then)
        switch state {
        case .away, .holding: break  // When it is back.
        case .watching, .waitingForRoom:
            if case .draining? = settling?.begin(drain) { drainNext() } else { settled() }
        case .unstarted, .ended, .closed: settled()
        }
    }

    func finish() {
        beginIfRestored()
        isFinished = true
        compressIfDone()
    }

    private func beginIfRestored() {
        if childEnd == nil { begin() }
    }

    func close() {
        onLimit = nil
        onGrowth = nil
        settling = nil
        childEnd = nil
        leaveState()
        state = .closed
        drain.end()
        pipeSize.giveBack()
        held = nil
        forgetContent()
        if let compressed { factory.discards.add(compressed.file.file) }
        compressed = nil
    }

    // MARK: Draining

    /// Waits for more.
    private func watch() {
        guard let pipe = drain.pipe else { return end() }
        if case .watching = state { return }
        leaveState()
        do throws(SystemError) {
            let token = try factory.loop.watch(pipe.rawValue, for: .readable) { [weak self] _ in self?.drainNext() }
            state = .watching(token, pipe)
        } catch {
            waitForRoom(error)
        }
    }

    private func leaveState() {
        switch state {
        case .watching(let token, _): factory.loop.unwatch(token)
        case .waitingForRoom(let timer): factory.loop.cancel(timer)
        case .unstarted, .away, .holding, .ended, .closed: break
        }
    }

    /// How many bytes are to be taken until it is settled.
    private var owed: Int { settling?.owed(drain) ?? 0 }

    /// Bytes have come, or there may be room again.
    private func drainNext() {
        let bound = owed > 0 ? PipeDrain.Bound.exactly(owed) : .turn
        switch drain.kept.place {
        case .memory: goOn(after: drainHere(bound), of: bound)
        case .disk: drainAway(bound)
        }
    }

    /// Drains on the loop.
    private func drainHere(_ bound: PipeDrain.Bound) -> PipeDrain.Pause {
        if let pause = drain.storeHeldBack(), case .turn = bound { return pause }
        let (count, isOwed) = bound.count(inTurn: Self.loopTurn)
        var noRoom: PipeDrain.Pause?
        var taken = 0
        defer {
            share.shrink(to: drain.kept.memoryCount)
            dropUnneeded()
        }
        while taken < count {
            let most = room(for: min(count - taken, factory.scratch.count))
            guard most > 0 else { return .needsDisk }
            let before = taken
            switch drain.step(factory.scratch, most: most, taken: &taken, isOwed: isOwed) {
            case nil:
                if drain.hasEmptied { return noRoom ?? .empty }
            case .noRoom(let error) where isOwed && taken > before:
                noRoom = .noRoom(error)
            case .unheld(let file):
                guard hold(file) else { return .unheld(file) }
            case let pause?:
                return pause
            }
        }
        return noRoom ?? .bound
    }

    /// How many of `count` more bytes may be stored in memory.
    private func room(for count: Int) -> Int {
        guard !drain.kept.storesNothingMore else { return count }
        let used = drain.kept.memoryCount
        return share.reserve(used + count) - used
    }

    /// Drains on the spill worker.
    private func drainAway(_ bound: PipeDrain.Bound) {
        leaveState()
        state = .away
        let start = drain
        factory.spill.run {
            var drain = start
            let pause = drain.run(bound)
            return (drain, pause)
        } then: { [self] drained, pause in
            guard case .away = state else {  // closed
                drained.kept.files.forEach(factory.discards.add)
                return
            }
            let before = drain.kept
            drain = drained
            before.files(notIn: drain.kept).forEach(factory.discards.add)
            share.shrink(to: drain.kept.memoryCount)
            var pause = pause
            if case .unheld(let file) = pause, hold(file) { pause = .bound }
            dropUnneeded()
            goOn(after: pause, of: bound)
        }
    }

    /// Has a new file held. Whether that is so at once; if not, draining goes on when it is.
    private func hold(_ file: SharedFD) -> Bool {
        var isHeld = false
        var isAwaited = false
        held?.hold(file) { [weak self] _ in
            isHeld = true
            guard isAwaited, let self, case .holding = state else { return }
            drainNext()
        }
        if !isHeld {
            isAwaited = true
            leaveState()
            state = .holding
        }
        return isHeld
    }

    /// Lets the holder drop what isn't part of the capture any more.
    private func dropUnneeded() {
        guard let held else { return }
        let others = [drain.pipe, compressed?.file.file].compactMap { $0 }
        guard held.files.count > drain.kept.fileCount + others.count else { return }
        held.keepOnly(drain.kept.files + others)
    }

    private func goOn(after pause: PipeDrain.Pause, of bound: PipeDrain.Bound) {
        if case .closed = state { return }
        noteFailure(pause)
        if drain.wasFull { pipeSize.enlarge(&drain) }
        noteGrowth()
        noteLimit()
        if case .closed = state { return }
        switch settling?.goOn(drain, after: pause, of: bound) {
        case .draining?: return drainNext()
        case .settled?: settled()
        case .waiting?, nil: break
        }
        if case .closed = state { return }
        switch pause {
        case .bound where drain.kept.place == .disk: drainAway(.turn)
        case .bound, .empty, .failed: watch()
        case .ended: end()
        case .needsDisk:
            drain.kept.moveToDisk()
            drainNext()
        case .unheld: break
        case .noRoom(let error): waitForRoom(error)
        }
    }

    private func settled() {
        guard let then = settling?.then else { return }
        settling = nil
        if drain.kept.endOverflow() { share.reserve(drain.kept.memoryCount) }
        noteLimit()
        then()
    }

    private func noteGrowth() {
        guard let onGrowth, drain.kept.total > toldLength else { return }
        toldLength = drain.kept.total
        onGrowth()
    }

    private func noteLimit() {
        guard let limit, !hasPassedLimit, drain.kept.total > limit else { return }
        hasPassedLimit = true
        onLimit?()
    }

    private func end() {
        pipeSize.giveBack()
        if drain.kept.isHeldBack { return waitForRoom(nil) }
        leaveState()
        state = .ended
        dropUnneeded()
        settled()
        compressIfDone()
    }

    // MARK: Trouble

    private func waitForRoom(_ error: SystemError?) {
        if let error { factory.noteNoRoom(error, for: files) }
        leaveState()
        let timer = factory.loop.at(factory.loop.now + .seconds(1)) { [weak self] in
            guard let self else { return }
            if drain.pipe != nil, !drain.kept.isHeldBack, owed == 0 { watch() } else { drainNext() }
        }
        state = .waitingForRoom(timer)
    }

    /// What can't be stored is an error of this fd. It is told before anyone is told that the process has ended.
    private func noteFailure(_ pause: PipeDrain.Pause) {
        guard case .failed(let error) = pause, failure == nil else { return }
        reportFailure("\(error)")
        forgetContent()
        onGrowth?()
    }

    private func reportFailure(_ reason: String) {
        factory.warn("capture \(files.label): \(reason)")
        failure = reason
        held?.record(.failed(reason))
    }

    private func forgetContent() {
        drain.kept.files.forEach(factory.discards.add)
        drain.kept.giveUp()
        share.shrink(to: 0)
        dropUnneeded()
    }

    // MARK: Compression

    private func compressIfDone() {
        guard isFinished, case .ended = state, failure == nil, compressed == nil,
            let least = factory.settings.compressAbove, drain.kept.document().count > least
        else { return }
        let place: CapturePlace = drain.kept.reachesDisk ? .disk : .memory
        factory.compression.add(to: place, files: files) { [weak self] in
            guard let self, case .ended = state else { return nil }
            return snapshot()
        } then: { [weak self] progress in
            guard let self, case .ended = state, let file = factory.result(of: progress, in: files) else { return }
            guard let held else { return adopt(file, in: place) }
            // It says where it lies, but not what: that is on record, or else it is none of the stream's files.
            try? FileMark(chain: nil, place: place).put(on: file.file)
            held.hold(file.file) { [weak self] slot in
                guard let self, case .ended = state else { return }
                held.record(file.record(in: slot, total: length, cut: cut))
                adopt(file, in: place)
            }
        }
    }

    private func adopt(_ file: GzipFile, in place: CapturePlace) {
        compressed = (file, drain.kept.cut)
        forgetContent()
        if place == .memory { share.reserve(file.count) }
    }
}
