import ProcCore
import TestSupport
import Testing

// What schedulers ask for.
extension Peer {
    /// Sends a start request.
    func start(_ processes: [(String, String)]) throws {
        send(["type": "ProcStartRequest", "specs": try .specs(processes)])
    }

    func start(_ id: String, _ spec: String) throws { try start([(id, spec)]) }

    /// Starts a process and takes the result that says so.
    @discardableResult
    func begin(_ id: String, _ spec: String, at place: SourceLocation = #_sourceLocation) throws -> Value {
        try start(id, spec)
        return try result("running", of: id, at: place)
    }

    /// Starts a process, with its two results: started and ended.
    func run(
        _ id: String, _ spec: String, at place: SourceLocation = #_sourceLocation
    ) throws -> (started: Value, ended: Value) {
        try start(id, spec)
        let started = try next("ProcResult", id, at: place)
        let ended = try next("ProcResult", id, at: place)
        return (try #require(started["res"]), try #require(ended["res"]))
    }

    /// Takes a result of a state, which must be the next message.
    func result(
        _ state: String, of id: String, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation
    ) throws -> Value {
        let result = try #require(try next("ProcResult", id, within: seconds, at: place)["res"], sourceLocation: place)
        #expect(result["state"]?.text == state, sourceLocation: place)
        return result
    }

    /// Asks for a result.
    func askResult(of id: String, at place: SourceLocation = #_sourceLocation) throws -> Value {
        send(["type": "ProcResultRequest", "proc_id": .string(id)])
        return try #require(try next("ProcResult", id, at: place)["res"], sourceLocation: place)
    }

    /// Asks for a result and takes whatever comes about that process or others before it.
    func askAnyResult(of id: String) throws -> Value {
        send(["type": "ProcResultRequest", "proc_id": .string(id)])
        send(["type": "ProcidListRequest"])
        var last: Value = .null
        _ = try skip(to: "the list") { message in
            if message.type == "ProcResult", message.procID == id { last = message["res"] ?? .null }
            return message.type == "ProcidList"
        }
        return last
    }

    func signal(_ id: String, _ signum: Value) {
        send(["type": "ProcSignalRequest", "proc_id": .string(id), "signum": signum])
    }

    func delete(_ id: String, at place: SourceLocation = #_sourceLocation) throws {
        send(["type": "ProcDeleteRequest", "proc_id": .string(id)])
        _ = try next("ProcDelete", id, at: place)
    }

    static func outputRequest(_ id: String, _ fd: String, _ start: Value = 0, _ stop: Value = .null) -> Value {
        ["type": "ProcFdDataRequest", "proc_id": .string(id), "fd": .string(fd), "start": start, "stop": stop]
    }

    /// Asks for output.
    func askOutput(
        _ id: String, _ fd: String = "stdout", _ start: Value = 0, _ stop: Value = .null,
        at place: SourceLocation = #_sourceLocation
    ) throws -> Value {
        send(Self.outputRequest(id, fd, start, stop))
        return try next("ProcFdData", id, at: place)
    }

    /// Asks again until there is so much output; all of it.
    func output(
        _ id: String, _ fd: String = "stdout", count: Int, at place: SourceLocation = #_sourceLocation
    ) throws -> [UInt8] {
        var data: [UInt8] = []
        try scheduler.wait("\(count) bytes of \(id)", at: place) {
            data = try #require(try askOutput(id, fd, at: place)["data"]?.bytes)
            return data.count >= count
        }
        return data
    }

    /// Sends what must be refused: the answer quotes it, and says why.
    func refusal(of request: Value, at place: SourceLocation = #_sourceLocation) throws -> String {
        send(request)
        let answer = try next("RequestError", at: place)
        #expect(answer.keySet == ["type", "msg", "err"], sourceLocation: place)
        #expect(answer["msg"] == request, sourceLocation: place)
        return try #require(answer["err"]?.text, sourceLocation: place)
    }

    /// Sends what is about a process that isn't there.
    func expectUnknown(_ request: Value, at place: SourceLocation = #_sourceLocation) throws {
        send(request)
        let answer = try next("ProcUnknown", at: place)
        #expect(answer == ["type": "ProcUnknown", "proc_id": request["proc_id"] ?? .null], sourceLocation: place)
    }

    /// Sends a ping and waits for its answer.
    func expectPong(within seconds: Double = 20, at place: SourceLocation = #_sourceLocation) throws {
        let payload = Array("ping \(pongs.count)".utf8)
        ping(payload)
        try scheduler.wait("a pong", within: seconds, at: place) { pongs.contains(payload) || end != nil }
        #expect(end == nil, sourceLocation: place)
    }
}
