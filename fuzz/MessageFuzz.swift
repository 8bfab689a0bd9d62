/// Whatever a server sends, it is understood or refused; an answer can be read and says whom it concerns; and what reads
/// as MessagePack is stepped over as far as it is read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(MessageRefusal) {
        let received = try ReceivedMessage(parsing: bytes, features: [.push])
        guard case .map = received.document else { preconditionFailure("a message that isn't a map") }
        check(received.refusal("no"))
        check(received.message)
    } catch {
        precondition(!error.description.isEmpty)
        if let answer = error.answer { check(answer) }
    }
    checkSkipping(bytes)
    return 0
}

private func check(_ answer: AgentMessage) {
    guard case .requestError(let msg, let err) = answer, !err.isEmpty else { preconditionFailure("no answer") }
    guard let read = try? MessagePackReader.read(answer.bytes) else { preconditionFailure("an unreadable answer") }
    // Compared as bytes, since a number that is none equals nothing.
    precondition(
        read["msg"].map { MessagePackWriter.bytes(of: $0) } == MessagePackWriter.bytes(of: msg), "another message")
    precondition(!MessageText.line(answer.value).utf8.contains(UInt8(ascii: "\n")))
}

private func check(_ message: ServerMessage) {
    switch message {
    case .procFdDataRequest(_, _, let range):
        for length in [0, 1, 1000, UInt64(Int64.max), .max] {
            guard let range = try? range.resolved(length: length) else { continue }
            precondition(range.isEmpty || range.upperBound <= length)
            precondition(range.upperBound - range.lowerBound <= OutputRange.largestAnswer)
        }
    case .procSubscribeRequest(_, let terms):
        guard
            var subscription = try? Subscription(
                terms, isRunning: false, at: Instant(nanoseconds: 0), length: { _ in 1000 })
        else { return }
        var sent: [FdName: UInt64] = [:]
        while let message = subscription.next(at: Instant(nanoseconds: 0), largest: 300) {
            guard case .output(let fd, let range) = message else { continue }
            precondition(range.lowerBound == sent[fd] ?? range.lowerBound && range.upperBound <= 1000)
            sent[fd] = range.upperBound
            guard (try? subscription.acknowledge(fd, to: range.upperBound)) != nil else { preconditionFailure() }
        }
        precondition(sent.values.allSatisfy { $0 == 1000 })
    case .registered, .procStartRequest, .procidListRequest, .procResultRequest, .procSignalRequest,
        .procDeleteRequest, .procUnsubscribeRequest, .procOutputAck:
        break
    }
}

private func checkSkipping(_ bytes: [UInt8]) {
    var reader = MessagePackReader(bytes)
    guard (try? reader.next()) != nil else { return }
    let end = bytes.withUnsafeBytes { buffer in
        var scanner = MessagePackScanner(bytes: buffer, offset: 0, depthLimit: 0)
        return (try? scanner.skipValue()) == nil ? nil : scanner.offset
    }
    precondition(end == reader.offset, "stepped over something else")
}
