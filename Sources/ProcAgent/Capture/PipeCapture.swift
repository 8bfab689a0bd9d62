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
final class PipeCapture: OutputCapture {
    private enum State {
        case unstarted
        case watching(EventLoop.Token)
        /// The spill worker has the pipe.
        case away
        case waitingForRoom(EventLoop.TimerID)
        /// The pipe is closed, and nothing is held back.
        case ended
        case closed
    }

    private enum PipeSize {
        case usual, large
        /// The kernel doesn't let this user have more.
        case refused
    }

    /// Taken in one go on the loop, so that others get their turn.
    private static let loopTurn = 1 << 20

    private let factory: CaptureFactory
    private let files: UnnamedFile
    private let limit: Int?
    private var share: MemoryShare
    private var drain: PipeDrain
    private var state = State.unstarted
    private var pipeSize = PipeSize.usual
    /// The document once it is compressed, and how much had been cut from it.
    private var compressed: (file: GzipFile, cut: UInt64)?
    private var settling: (() -> Void)?
    private var isFinished = false
    private var hasPassedLimit = false

    private(set) var childEnd: SharedFD?
    private(set) var failure: String?
    var onLimit: (() -> Void)?
    var onGrowth: (() -> Void)?
    /// What was there when growth was last told.
    private var toldLength: UInt64 = 0

    init(_ factory: CaptureFactory, _ parameters: CaptureParameters, files: UnnamedFile) throws(SystemError) {
        var reader: CInt = -1
        var writer: CInt = -1
        let result = clinux_pipe(&reader, &writer)
        guard result >= 0 else { throw SystemError("pipe2", errno: -result) }
        let pipe = SharedFD(OwnedFD(adopting: reader).settled())
        childEnd = SharedFD(OwnedFD(adopting: writer))
        let nonblocking = clinux_set_nonblocking(pipe.rawValue)
        guard nonblocking >= 0 else { throw SystemError("fcntl", errno: -nonblocking) }

        self.factory = factory
        self.files = files
        limit = parameters.limit
        share = MemoryShare(of: factory.budget, limit: factory.settings.memoryEach)
        drain = PipeDrain(pipe, into: KeptOutput(parameters, files: files))
    }

    deinit {
        leaveState()
        returnPipe()
    }

    // MARK: What there is

    var length: UInt64 { drain.kept.total }

    var cut: UInt64 { compressed?.cut ?? drain.kept.cut }

    func snapshot() -> CaptureSnapshot {
        if let compressed { return CaptureSnapshot(parts: [.gzip(compressed.file)]) }
        return drain.kept.document()
    }

    // MARK: The process' life

    func begin() {
        childEnd = nil
        guard case .unstarted = state else { return }
        watch()
    }

    func abandon() {
        childEnd = nil
        drain.end()
        state = .ended
    }

    func settle(then: @escaping () -> Void) {
        settling = then
        switch state {
        case .away: break  // When it is back.
        case .watching, .waitingForRoom: if !takesWhatWaits() { settled() }
        case .unstarted, .ended, .closed: settled()
        }
    }

    func finish() {
        isFinished = true
        compressIfDone()
    }

    func close() {
        onLimit = nil
        onGrowth = nil
        settling = nil
        childEnd = nil
        leaveState()
        state = .closed
        drain.end()
        returnPipe()
        forgetContent()
        if let compressed { factory.discards.add(compressed.file.file) }
        compressed = nil
    }

    // MARK: Draining

    /// Waits for more.
    private func watch() {
        if case .watching = state { return }
        leaveState()
        guard let pipe = drain.pipe else { return end() }
        do throws(SystemError) {
            let token = try factory.loop.watch(pipe.rawValue, for: .readable) { [weak self] _ in self?.drainTurn() }
            state = .watching(token)
        } catch {
            waitForRoom(error)
        }
    }

    private func leaveState() {
        switch state {
        case .watching(let token): factory.loop.unwatch(token)
        case .waitingForRoom(let timer): factory.loop.cancel(timer)
        case .unstarted, .away, .ended, .closed: break
        }
    }

    /// Bytes have come, or there may be room again.
    private func drainTurn() {
        switch drain.kept.place {
        case .memory: goOn(after: drainHere(Self.loopTurn, roomOrNot: false))
        case .disk: drainAway(.turn)
        }
    }

    /// Drains on the loop.
    private func drainHere(_ count: Int, roomOrNot: Bool) -> PipeDrain.Pause {
        if let pause = drain.storeHeldBack(), !roomOrNot { return pause }
        var noRoom: PipeDrain.Pause?
        var taken = 0
        defer { share.shrink(to: drain.kept.memoryCount) }
        while taken < count {
            let most = room(for: min(count - taken, factory.scratch.count))
            guard most > 0 else { return .needsDisk }
            let before = taken
            switch drain.step(.init(rebasing: factory.scratch.prefix(most)), taken: &taken) {
            case nil:
                // Less than asked for was all there is: the next read would only say so.
                if taken > before, taken - before < most { return noRoom ?? .empty }
            case .noRoom(let error) where roomOrNot:
                noRoom = .noRoom(error)
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
            noteFailure(pause)
            if case .exactly = bound { settled() }
            goOn(after: pause)
        }
    }

    private func goOn(after pause: PipeDrain.Pause) {
        if case .closed = state { return }
        noteFailure(pause)
        if drain.wasFull { enlarge() }
        noteGrowth()
        noteLimit()
        if case .closed = state { return }
        if settling != nil {
            if takesWhatWaits() { return }
            settled()
            if case .closed = state { return }
        }
        switch pause {
        case .bound where drain.kept.place == .disk: drainAway(.turn)
        case .bound, .empty, .failed: watch()
        case .ended: end()
        case .needsDisk:
            drain.kept.moveToDisk()
            drainAway(.turn)
        case .noRoom(let error): waitForRoom(error)
        }
    }

    /// The process has ended: takes what is in the pipe at this moment, and then says ``settled()``. False when
    /// there is nothing.
    private func takesWhatWaits() -> Bool {
        let count = drain.waiting
        guard count > 0 else { return false }
        guard drain.kept.place == .memory else {
            drainAway(.exactly(count))
            return true
        }
        let before = drain.kept.total
        let pause = drainHere(count, roomOrNot: true)
        if case .needsDisk = pause {
            drain.kept.moveToDisk()
            drainAway(.exactly(count - Int(drain.kept.total - before)))
        } else {
            noteFailure(pause)
            settled()
            goOn(after: pause)
        }
        return true
    }

    private func settled() {
        guard let then = settling else { return }
        settling = nil
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

    private func enlarge() {
        guard pipeSize == .usual, let size = factory.takeLargePipe() else { return }
        pipeSize = .large
        guard !drain.enlarge(to: size) else { return }
        returnPipe()
        pipeSize = .refused
    }

    private func returnPipe() {
        if pipeSize == .large { factory.giveLargePipe() }
        pipeSize = .usual
    }

    private func end() {
        returnPipe()
        if drain.kept.isHeldBack { return waitForRoom(nil) }
        leaveState()
        state = .ended
        settled()
        compressIfDone()
    }

    // MARK: Trouble

    private func waitForRoom(_ error: SystemError?) {
        if let error { factory.noteNoRoom(error, for: files) }
        leaveState()
        let timer = factory.loop.at(factory.loop.now + .seconds(1)) { [weak self] in
            guard let self else { return }
            if drain.pipe != nil, !drain.kept.isHeldBack { watch() } else { drainTurn() }
        }
        state = .waitingForRoom(timer)
    }

    /// What can't be stored is an error of this fd. It is told before anyone is told that the process has ended.
    private func noteFailure(_ pause: PipeDrain.Pause) {
        guard case .failed(let error) = pause, failure == nil else { return }
        factory.warn("capture \(files.label): \(error)")
        failure = "\(error)"
        forgetContent()
        onGrowth?()
    }

    private func forgetContent() {
        drain.kept.files.forEach(factory.discards.add)
        drain.kept.giveUp()
        share.shrink(to: 0)
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
            compressed = (file, drain.kept.cut)
            forgetContent()
            if place == .memory { share.reserve(file.count) }
        }
    }
}
