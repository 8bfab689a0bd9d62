internal import CLinux
internal import ProcCore
internal import ProcIO

/// Takes bytes out of a pipe into what is kept of them.
///
/// A value, so that it can be handed to the spill worker and back: at any time
/// one thread drains, and the loop's copy from before is a true snapshot.
struct PipeDrain: Sendable {
    /// Why draining paused.
    enum Pause: Sendable {
        /// As much as was asked for has been taken.
        case bound
        case empty
        /// Nobody has the other end any more.
        case ended
        /// There may be no more in memory.
        case needsDisk
        /// What was taken last is held back in memory.
        case noRoom(SystemError)
        case failed(SystemError)
    }

    /// How much to take.
    enum Bound: Sendable {
        /// What makes up a turn on the spill worker, so that captures share it.
        case turn
        /// So many bytes, room or not.
        case exactly(Int)
    }

    /// Reading with a buffer of this size and writing again was no slower than splice(2), which is twice
    /// as slow when a pipe's pages are filled by short writes. A larger one is no faster; it is also what
    /// each capture holds back in memory when the disk is full.
    static let bufferSize = 128 << 10
    private static let turnBytes = 8 << 20
    /// Who has written that much in one turn is in full swing.
    private static let fullSwing = 64 << 10
    private static let turnTime = Interval.milliseconds(50)

    /// Nil once it has ended.
    private(set) var pipe: SharedFD?
    var kept: KeptOutput
    /// Whether one read brought what fills a pipe of the size it now has: then it was what the writer waited for.
    private(set) var wasFull = false
    private(set) var capacity: Int

    init(_ pipe: SharedFD, into kept: KeptOutput) {
        self.pipe = pipe
        self.kept = kept
        capacity = max(4096, Int(clinux_pipe_capacity(pipe.rawValue)))
    }

    /// How many bytes wait.
    var waiting: Int {
        guard let pipe else { return 0 }
        return max(0, Int(clinux_bytes_waiting(pipe.rawValue)))
    }

    /// Gives the pipe `size` bytes; false when this user may not have them any more.
    mutating func enlarge(to size: Int) -> Bool {
        wasFull = false
        guard let pipe else { return true }
        let result = clinux_set_pipe_capacity(pipe.rawValue, CInt(size))
        guard result > 0 else { return false }
        capacity = Int(result)
        return true
    }

    /// Closes the pipe.
    mutating func end() { pipe = nil }

    /// Takes what one read brings; nil when it brought something.
    mutating func step(_ buffer: UnsafeMutableRawBufferPointer, taken: inout Int) -> Pause? {
        guard let pipe else { return .ended }
        let count = read(pipe.rawValue, buffer.baseAddress, buffer.count)
        guard count >= 0 else {
            let error = SystemError.last("read captured output")
            switch error.errno {
            case EAGAIN: return .empty
            case EINTR: return nil
            default:
                self.pipe = nil
                return .failed(error)
            }
        }
        guard count > 0 else {
            self.pipe = nil
            return .ended
        }
        taken += count
        // Writes of half a page and a byte fill a pipe's pages only by half.
        if count >= capacity / 2 { wasFull = true }
        do throws(StoreObstacle) {
            try kept.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer).prefix(count)))
            return nil
        } catch {
            return error.pause
        }
    }

    /// On the spill worker: stores what was held back, then takes as much as `bound` says.
    mutating func run(_ bound: Bound) -> Pause {
        if let pause = storeHeldBack(), case .turn = bound { return pause }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 4096)
        defer { buffer.deallocate() }
        switch bound {
        case .exactly(let count): return take(count, through: buffer)
        case .turn: return takeTurn(through: buffer)
        }
    }

    /// Tries again what there was no room for.
    mutating func storeHeldBack() -> Pause? {
        guard kept.isHeldBack else { return nil }
        do throws(StoreObstacle) {
            try kept.storeHeldBack()
            return nil
        } catch {
            return error.pause
        }
    }

    private mutating func takeTurn(through buffer: UnsafeMutableRawBufferPointer) -> Pause {
        let end = Instant.now + Self.turnTime
        var taken = 0
        while taken < Self.turnBytes, Instant.now < end {
            switch step(buffer, taken: &taken) {
            case nil: continue
            case .empty where taken >= Self.fullSwing && moreComes(): continue
            case let pause?: return pause
            }
        }
        return .bound
    }

    /// Waits up to a millisecond for a writer that is in full swing. To give the pipe back to the loop and get it
    /// again would cost a fifth of the throughput.
    private func moreComes() -> Bool {
        guard let pipe else { return false }
        var question = pollfd(fd: pipe.rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, 1) > 0
    }

    private mutating func take(_ count: Int, through buffer: UnsafeMutableRawBufferPointer) -> Pause {
        var taken = 0
        var pause: Pause?
        while taken < count {
            switch step(.init(rebasing: buffer.prefix(count - taken)), taken: &taken) {
            case nil: continue
            case .noRoom(let error): pause = .noRoom(error)
            case let other?: return other
            }
        }
        return pause ?? .bound
    }
}

extension StoreObstacle {
    fileprivate var pause: PipeDrain.Pause {
        switch self {
        case .noRoom(let error): .noRoom(error)
        case .failed(let error): .failed(error)
        }
    }
}
