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
        /// This file has been made for what comes next, and is to be held before.
        case unheld(SharedFD)
        /// What was taken last is held back in memory, or nothing was taken.
        case noRoom(SystemError)
        case failed(SystemError)
    }

    /// How much to take.
    enum Bound: Sendable {
        /// What makes up a turn on the spill worker, so that captures share it.
        case turn
        /// So many bytes, room or not.
        case exactly(Int)

        /// How many bytes that is where a turn is `turn` of them, and whether they are owed.
        func count(inTurn turn: Int) -> (bytes: Int, isOwed: Bool) {
            switch self {
            case .turn: (turn, false)
            case .exactly(let count): (count, true)
            }
        }
    }

    /// Reading with a buffer of this size and writing again was no slower than splice(2), which is twice
    /// as slow when a pipe's pages are filled by short writes. So bytes are spliced only where somebody else holds the
    /// files. A larger buffer is no faster; it is also what each capture holds back in memory when the disk is full.
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
    /// Whether the last step brought less than it could have: the next one would find nothing.
    private(set) var hasEmptied = false
    private(set) var capacity: Int
    /// The file system can't splice.
    private var copiesToDisk = false

    /// - Parameter pipe: Nil: it has ended.
    init(_ pipe: SharedFD?, into kept: KeptOutput) {
        self.pipe = pipe
        self.kept = kept
        capacity = pipe.map { max(4096, Int(clinux_pipe_capacity($0.rawValue))) } ?? 4096
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

    /// Takes what one call brings, `most` bytes at most; nil when there may be more.
    ///
    /// - Parameters:
    ///   - buffer: For what is read and written again.
    ///   - isOwed: Room on the disk or not, they are to be taken.
    mutating func step(
        _ buffer: UnsafeMutableRawBufferPointer, most: Int, taken: inout Int, isOwed: Bool
    ) -> Pause? {
        guard let pipe else { return .ended }
        hasEmptied = false
        guard kept.isHeld, !kept.needsNoMoreFiles else {
            return copy(from: pipe, through: .init(rebasing: buffer.prefix(most)), taken: &taken)
        }
        do throws(StoreObstacle) {
            return try move(from: pipe, most: most, through: buffer, taken: &taken)
        } catch {
            return goAround(error, isOwed: isOwed) ? nil : error.pause
        }
    }

    /// Has the kernel move bytes from the pipe to a file that somebody else holds. So whenever this program ends, each
    /// is in either of them.
    private mutating func move(
        from pipe: SharedFD, most: Int, through buffer: UnsafeMutableRawBufferPointer, taken: inout Int
    ) throws(StoreObstacle) -> Pause? {
        if kept.needsFile {
            // Output that never comes needs no file.
            guard waiting > 0 else { return hasEnded(pipe) ? end(nil) : .empty }
            do throws(SystemError) {
                return .unheld(try kept.addFile())
            } catch {
                throw StoreObstacle(error)
            }
        }
        let asked = min(most, kept.room)
        if kept.isNextHeldBack || (copiesToDisk && kept.nextPlace == .disk) {
            return copy(from: pipe, through: .init(rebasing: buffer.prefix(asked)), taken: &taken)
        }
        guard let moved = try kept.take(from: pipe, most: asked) else { return .empty }
        guard moved > 0 else { return end(nil) }
        note(moved, of: asked, &taken)
        return nil
    }

    /// Whether there is another way than the one that `obstacle` is in; nothing has been taken yet.
    private mutating func goAround(_ obstacle: StoreObstacle, isOwed: Bool) -> Bool {
        switch obstacle {
        case .noRoom:
            return isOwed && kept.overflow()
        case .failed where kept.storesNothingMore:
            // There may be a limit for the size of files. What is kept matters more than a count that outlives us.
            kept.countHere()
            return true
        case .failed(let error):
            guard error.errno == EINVAL, kept.nextPlace == .disk, !copiesToDisk else { return false }
            copiesToDisk = true
            return true
        }
    }

    private func hasEnded(_ pipe: SharedFD) -> Bool {
        var question = pollfd(fd: pipe.rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, 0) > 0 && question.revents & Int16(POLLIN) == 0
    }

    private mutating func end(_ failure: SystemError?) -> Pause {
        pipe = nil
        return failure.map { .failed($0) } ?? .ended
    }

    private mutating func note(_ count: Int, of asked: Int, _ taken: inout Int) {
        taken += count
        hasEmptied = count < asked
        // Writes of half a page and a byte fill a pipe's pages only by half.
        if count >= capacity / 2 { wasFull = true }
    }

    /// Takes what one read brings.
    private mutating func copy(
        from pipe: SharedFD, through buffer: UnsafeMutableRawBufferPointer, taken: inout Int
    ) -> Pause? {
        let count = read(pipe.rawValue, buffer.baseAddress, buffer.count)
        guard count >= 0 else {
            let error = SystemError.last("read captured output")
            switch error.errno {
            case EAGAIN: return .empty
            case EINTR: return nil
            default: return end(error)
            }
        }
        guard count > 0 else { return end(nil) }
        note(count, of: buffer.count, &taken)
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
            switch step(buffer, most: buffer.count, taken: &taken, isOwed: false) {
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
            let before = taken
            switch step(buffer, most: min(count - taken, buffer.count), taken: &taken, isOwed: true) {
            case nil: continue
            case .noRoom(let error) where taken > before: pause = .noRoom(error)
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
