internal import ProcCore
internal import ProcIO

// Each kind of request, and what answers it.
extension SchedulerSession {
    /// Up to here output is read on the loop, unless it is compressed.
    static let quickOutput: UInt64 = 64 << 10
    /// What an answer weighs besides attached output that a worker is still making.
    private static let resultWeight = 64 << 10

    func answer(_ received: ReceivedMessage) {
        switch received.message {
        case .registered:
            outbox.post(received.refusal("unexpected"))
        case .procStartRequest:
            preconditionFailure("start requests come prepared")
        case .procidListRequest:
            outbox.post(.procidList(table.ids))
        case .procResultRequest(let id):
            guard table.contains(id) else { return outbox.post(.procUnknown(procID: id)) }
            writeResult(of: id, in: outbox.reserve())
        case .procSignalRequest(let id, let signal):
            send(signal, to: id, received)
        case .procFdDataRequest(let id, let fd, let range):
            sendOutput(of: id, fd, range, received)
        case .procDeleteRequest(let id):
            delete(id, received)
        case .procSubscribeRequest(let id, let terms):
            subscribe(to: id, terms, received)
        case .procUnsubscribeRequest(let id):
            unsubscribe(from: id, received)
        case .procOutputAck(let id, let fd, let offset):
            acknowledge(id, fd, offset, received)
        }
    }

    // MARK: Starting, signalling, forgetting

    /// - Parameter inThisTurn: Whether the first are started at once.
    func start(
        _ received: ReceivedMessage, _ request: Result<PreparedStart, SpecError>, inThisTurn: Bool = true
    ) {
        guard resources.gate.isOpen else { return outbox.post(received.refusal("agent shutting down: idling")) }
        switch request {
        case .failure(let error):
            warn("a start request is refused", error.description)
            outbox.post(received.refusal("\(error)"))
        case .success(let prepared):
            if let taken = prepared.ids.first(where: { table.contains($0) }) {
                warn("a start request is refused", "duplicate proc id: \(taken)")
                return outbox.post(received.refusal("duplicate proc id: \(taken)"))
            }
            table.start(prepared, inThisTurn: inThisTurn)
        }
    }

    private func send(_ signal: Signal?, to id: String, _ received: ReceivedMessage) {
        do throws(ProcessTable.Refusal) {
            guard let signal else { return try table.probe(id) }
            log.info("signalling a process", ["proc_id": .string(id), "signal": .string(signal.name)])
            try table.signal(id, signal)
        } catch {
            refuse(error, id, received, in: outbox.reserve())
        }
    }

    private func delete(_ id: String, _ received: ReceivedMessage) {
        // The place comes first: with the last process the agent may say goodbye.
        let place = outbox.reserve()
        do throws(ProcessTable.Refusal) {
            try table.delete(id)
            outbox.fill(place, .procDelete(procID: id))
        } catch {
            refuse(error, id, received, in: place)
        }
    }

    private func refuse(
        _ refusal: ProcessTable.Refusal, _ id: String, _ received: ReceivedMessage, in place: Outbox.Place
    ) {
        switch refusal {
        case .unknown: outbox.fill(place, .procUnknown(procID: id))
        // Clients match this text.
        case .noProcess: outbox.fill(place, received.refusal("no process"))
        case .running(let id): outbox.fill(place, received.refusal("process running: \(id)"))
        case .signal(let error): outbox.fill(place, received.refusal("\(error)"))
        }
    }

    // MARK: Results

    /// Tells of a process what there is to tell when there is room for it.
    func postResult(of id: String) {
        outbox.postWhenRoom { [weak self] place in self?.writeResult(of: id, in: place) }
    }

    /// Nothing, if the process has been deleted by now.
    func writeResult(of id: String, in place: Outbox.Place, detached: Set<CInt> = [], isFinal: Bool = false) {
        guard let snapshot = table.snapshot(id, detached: detached) else { return outbox.fill(place, nil) }
        let (scale, isTraced) = (resources.scale, log.level == .trace)
        @Sendable func letter() -> Letter {
            Letter(
                .procResult(procID: id, res: snapshot.completed().value(scale: scale), isFinal: isFinal),
                traced: isTraced)
        }
        guard !snapshot.completesQuickly else { return outbox.fill(place, letter()) }
        outbox.expect(Self.resultWeight + snapshot.attachedCount, in: place)
        resources.documents.run {
            SealedLetter(letter())
        } then: { [weak self] sealed in
            self?.outbox.fill(place, sealed.letter)
        }
    }

    // MARK: Output

    private func sendOutput(of id: String, _ fd: FdName, _ range: OutputRange, _ received: ReceivedMessage) {
        do {
            let output = try table.output(of: id, fd: fd.number)
            let resolved = try range.resolved(length: UInt64(output.snapshot.count))
            let message = OutputMessage(.requested, procID: id, fd: fd, range: resolved, encoding: output.encoding)
            write(message, type: .requested, output, from: resolved.lowerBound, of: id, fd, in: outbox.reserve()) {
                received.refusal($0)
            }
        } catch let refusal as ProcessTable.OutputRefusal {
            outbox.post(Self.answer(to: refusal, of: id, fd, received))
        } catch {
            outbox.post(received.refusal("\(error)"))
        }
    }

    static func answer(
        to refusal: ProcessTable.OutputRefusal, of id: String, _ fd: FdName, _ received: ReceivedMessage
    ) -> AgentMessage {
        switch refusal {
        case .unknown: .procUnknown(procID: id)
        case .noFd: received.refusal("no fd: \(fd.spelling)")
        case .notCaptured: received.refusal("no fd data")
        case .unreadable(let reason): received.refusal(reason)
        }
    }

    /// Writes output into a place: little at once, more from a source that reads it as it is sent.
    ///
    /// - Parameters:
    ///   - refusal: What is sent when it can't be read. When part of it has gone out already, the connection is closed
    ///     instead.
    ///   - isWanted: Asked when it has been read: whether it is still to be sent.
    func write(
        _ message: OutputMessage, type: OutputMessage.Kind, _ output: ReadableOutput, from start: UInt64, of id: String,
        _ fd: FdName, in place: Outbox.Place, isWanted: @escaping () -> Bool = { true },
        refusal: @escaping (String) -> AgentMessage?
    ) {
        func fail(_ failure: CaptureReadError) {
            table.noteUnreadable(id, fd: fd.number, reason: "\(failure)")
            if let answer = refusal("\(failure)") { outbox.fill(place, answer) } else { outbox.fill(place, nil) }
        }
        func letter(_ content: Letter.Content) -> Letter {
            Letter(content: content, type: type.rawValue, procID: id, text: nil)
        }

        // Of no bytes none is read, compressed or not.
        if message.dataCount <= (output.snapshot.gzip == nil ? Self.quickOutput : 0) {
            do throws(CaptureReadError) {
                let data = try output.snapshot.read(Int(start)..<Int(start + message.dataCount))
                guard data.count == message.dataCount else { throw .shorter }
                outbox.fill(place, letter(.bytes(message.head + data)))
            } catch {
                fail(error)
            }
            return
        }
        outbox.expect(Outbox.outputWeight, in: place)
        let source = OutputSource(message, of: output, from: start, worker: resources.outputs)
        source.failed = { [weak self] failure in
            self?.table.noteUnreadable(id, fd: fd.number, reason: "\(failure)")
        }
        source.begin { [weak self] failure in
            guard let self else { return }
            if let failure {
                fail(failure)
            } else {
                outbox.fill(place, isWanted() ? letter(.output(message, source)) : nil)
            }
        }
    }
}

/// A letter on its way from a worker.
private struct SealedLetter: @unchecked Sendable {
    // Unchecked: a result's letter is bytes and texts. One of output, with its source, is never made on a worker.
    let letter: Letter

    init(_ letter: Letter) { self.letter = letter }
}
