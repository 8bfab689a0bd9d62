import Glibc
import ProcCore
import TestSupport
import Testing

// Subscriptions.
extension Peer {
    func subscribe(_ id: String, interval: Value = .null, output: Value = [:]) {
        send(Self.subscription(id, interval: interval, output: output))
    }

    static func subscription(_ id: String, interval: Value = .null, output: Value = [:]) -> Value {
        ["type": "ProcSubscribeRequest", "proc_id": .string(id), "interval": interval, "output": output]
    }

    func acknowledge(_ id: String, _ fd: String, _ offset: Int) {
        send(["type": "ProcOutputAck", "proc_id": .string(id), "fd": .string(fd), "offset": .int(Int64(offset))])
    }

    func unsubscribe(_ id: String) { send(["type": "ProcUnsubscribeRequest", "proc_id": .string(id)]) }

    /// The next message, which must be the next piece of some output.
    func piece(
        of id: String, _ fd: String = "stdout", at place: SourceLocation = #_sourceLocation
    ) throws -> [UInt8] {
        let piece = try next("ProcOutput", id, at: place)
        #expect(piece["fd"]?.text == fd, sourceLocation: place)
        return try #require(piece["data"]?.bytes, sourceLocation: place)
    }

    /// Takes pieces, acknowledging each, until there are so many bytes.
    func pushed(
        _ id: String, _ fd: String = "stdout", from start: Int = 0, count: Int,
        at place: SourceLocation = #_sourceLocation
    ) throws -> [UInt8] {
        var follow = Follow(id, [fd: start])
        while follow.output[fd, default: []].count < count { try follow.take(next(at: place), from: self, at: place) }
        return follow.output[fd, default: []]
    }
}

/// What a server makes of a subscription: all that came of one process, with the rules checked that hold for each
/// message.
struct Follow {
    let id: String
    /// Where the next piece of each fd must begin.
    private(set) var offsets: [String: Int]
    private(set) var output: [String: [UInt8]] = [:]
    private(set) var results: [Value] = []
    private(set) var final: Value?
    var acknowledges = true

    init(_ id: String, _ starts: [String: Int]) {
        self.id = id
        offsets = starts
    }

    mutating func take(_ message: Value, from peer: Peer, at place: SourceLocation = #_sourceLocation) throws {
        try #require(message.procID == id, "\(message)", sourceLocation: place)
        switch message.type {
        case "ProcOutput":
            #expect(
                message.keySet == ["type", "proc_id", "fd", "start", "stop", "encoding", "data"],
                sourceLocation: place)
            let fd = try #require(message["fd"]?.text)
            let data = try #require(message["data"]?.bytes)
            let start = try #require(offsets[fd], "output of \(fd), which was not asked for", sourceLocation: place)
            #expect(message["start"]?.number == start, "a gap or a repetition", sourceLocation: place)
            #expect(message["stop"]?.number == start + data.count && !data.isEmpty, sourceLocation: place)
            offsets[fd] = start + data.count
            output[fd, default: []] += data
            if acknowledges { peer.acknowledge(id, fd, start + data.count) }
        case "ProcResult":
            let isFinal = message["final"] != nil
            #expect(
                message.keySet == (isFinal ? ["type", "proc_id", "res", "final"] : ["type", "proc_id", "res"]),
                sourceLocation: place)
            let res = try #require(message["res"])
            results.append(res)
            guard isFinal else { return }
            #expect(message["final"] == true && final == nil, sourceLocation: place)
            final = res
        default: Issue.record("unexpected: \(MessageText.line(message))", sourceLocation: place)
        }
    }

    /// Takes everything up to the final result.
    mutating func takeAll(
        from peer: Peer, within seconds: Double = 40, at place: SourceLocation = #_sourceLocation
    ) throws -> Value {
        while final == nil { try take(peer.next(within: seconds, at: place), from: peer, at: place) }
        return try #require(final)
    }
}
