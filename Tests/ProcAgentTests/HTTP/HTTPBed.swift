import Glibc
import CLinux
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A loop with an HTTP server, and clients that say to it exactly what a test wants.
final class HTTPBed {
    let net: NetBed
    let server: HTTPServer
    let address: SocketAddress
    let files: Worker
    private let scratch = ByteStream.Scratch()
    private let log = Log()

    private final class Log {
        var notices: [String] = []
    }

    var loop: EventLoop { net.loop }
    var notices: [String] { log.notices }

    init(
        tls: TLSContext? = nil, configure: (inout HTTPServer.Settings) -> Void = { _ in },
        handler: @escaping HTTPServer.Handler
    ) throws {
        net = try NetBed()
        files = try Worker(loop: net.loop, name: "files")
        var settings = HTTPServer.Settings()
        configure(&settings)
        let log = log
        server = HTTPServer(
            loop: net.loop, files: files, settings: settings, notice: { log.notices.append("\($0)") }, handler: handler)
        address = try server.listen(on: SocketAddress(.loopbackV4, port: 0)) { tls }
    }

    func run(until condition: () -> Bool) throws { try net.run(until: condition) }

    /// Runs until nothing changes any more.
    func runUntilStill(_ value: () -> Int) throws {
        var before: Int
        repeat {
            before = value()
            try net.run(for: .milliseconds(100))
        } while value() != before
    }

    /// A client that is connected, over TLS if it has a context for that.
    func client(tls: TLSContext? = nil) throws -> Visitor {
        let socket = try RawSocket.connected(to: address)
        let copy = try OwnedFD(result: clinux_dup_above(socket.rawValue, 3), "dup")
        return try visitor(copy, tls)
    }

    func visitor(_ socket: consuming OwnedFD, _ tls: TLSContext? = nil) throws -> Visitor {
        _ = clinux_set_nonblocking(socket.rawValue)
        return try Visitor(socket, loop, scratch, tls.map { try TLSSession($0, host: "127.0.0.1") })
    }

    /// Says `text` on a new connection, and goes on until the server has closed it. What it answered.
    func ask(_ text: String, for methods: [String] = []) throws -> [Answer] {
        let client = try client()
        client.say(text)
        try run { client.isClosed }
        return try client.answers(to: methods)
    }
}

/// A client that says what it is told to.
final class Visitor: ByteStreamOwner {
    private(set) var stream: ByteStream?
    private var output: [UInt8] = []
    /// The part of it that the stream is looking at.
    private var lent: UnsafeMutableBufferPointer<UInt8>?
    private(set) var heard: [UInt8] = []
    private(set) var heardCount: UInt64 = 0
    private(set) var isOpen = false
    /// Whether the server has said that no more comes, or the connection broke.
    private(set) var isClosed = false
    private(set) var end: ByteStream.End?
    /// For a body that is too large to be kept: called in place of that.
    var onBytes: ((UnsafeMutableBufferPointer<UInt8>) -> Void)?

    init(_ socket: consuming OwnedFD, _ loop: EventLoop, _ scratch: ByteStream.Scratch, _ tls: TLSSession?) throws {
        stream = try ByteStream(socket, loop: loop, scratch: scratch, tls: tls, owner: self)
    }

    deinit { lent?.deallocate() }

    var heardText: String { String(decoding: heard, as: UTF8.self) }

    func say(_ text: String) { say(Array(text.utf8)) }

    func say(_ bytes: [UInt8]) {
        output += bytes
        stream?.flushSoon()
    }

    /// Whether all that was said has left.
    var hasSaidAll: Bool { output.isEmpty && lent == nil }

    /// Says no more, but listens.
    func finish() { stream?.finish() }

    /// Goes without a word.
    func leave() {
        stream?.close()
        stream = nil
    }

    /// Hears nothing for now.
    var isDeaf: Bool {
        get { stream?.readsInput == false }
        set { stream?.readsInput = !newValue }
    }

    func forget() { heard = [] }

    /// How many answers have come in full.
    func wholeAnswers(to methods: [String] = []) -> Int {
        (try? answers(to: methods))?.count { $0.isWhole } ?? 0
    }

    func answers(to methods: [String] = []) throws -> [Answer] {
        try Answer.read(heard, methods: methods, isClosed: isClosed)
    }

    func streamOpened() { isOpen = true }
    func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        heardCount += UInt64(bytes.count)
        if let onBytes { onBytes(bytes) } else { heard += bytes }
    }
    func streamPeerFinished() {
        isClosed = true
        stream?.finish()
    }
    func streamOutput() -> UnsafeBufferPointer<UInt8> {
        if lent == nil, !output.isEmpty {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: output.count)
            _ = copy.initialize(from: output)
            lent = copy
            output = []
            offset = 0
        }
        guard let lent else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(rebasing: lent[offset...])
    }
    private var offset = 0
    func streamWrote(_ count: Int) {
        offset += count
        guard let whole = lent, offset == whole.count else { return }
        whole.deallocate()
        lent = nil
    }
    func streamEnded(_ end: ByteStream.End) {
        self.end = end
        isClosed = true
    }
}

/// A response as a client sees it.
struct Answer: Equatable {
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    let status: Int
    let fields: [String: String]
    let body: [UInt8]
    /// Whether all of the body came.
    let isWhole: Bool

    var text: String { String(decoding: body, as: UTF8.self) }

    /// All that stand in `bytes`, the last one maybe in part.
    ///
    /// - Parameter methods: What the first of them answer; GET for the rest.
    static func read(_ bytes: [UInt8], methods: [String], isClosed: Bool) throws -> [Answer] {
        var answers: [Answer] = []
        var rest = bytes[...]
        var methods = methods[...]
        while !rest.isEmpty, let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            let start = lines[0].split(separator: " ", maxSplits: 2)
            guard start.count >= 2, start[0] == "HTTP/1.1", let status = Int(start[1]) else {
                throw Unreadable(description: "no status line: \(lines[0])")
            }
            var fields: [String: String] = [:]
            for line in lines.dropFirst() {
                guard let colon = line.range(of: ": ") else { throw Unreadable(description: "no field: \(line)") }
                let name = line[..<colon.lowerBound].lowercased()
                if fields[name] != nil { throw Unreadable(description: "twice: \(name)") }
                fields[name] = String(line[colon.upperBound...])
            }
            rest = rest[end.upperBound...]
            if status < 200 {
                answers.append(Answer(status: status, fields: fields, body: [], isWhole: true))
                continue
            }
            let method = methods.popFirst() ?? "GET"
            var (body, isWhole): ([UInt8], Bool) = ([], true)
            if method != "HEAD", status != 204, status != 304 {
                if let length = fields["content-length"].flatMap(Int.init) {
                    body = Array(rest.prefix(length))
                    isWhole = body.count == length
                    rest = rest.dropFirst(length)
                } else if fields["transfer-encoding"] == "chunked" {
                    (body, isWhole) = try chunks(&rest)
                } else {
                    guard fields["connection"] == "close" else { throw Unreadable(description: "a body without end") }
                    (body, isWhole) = (Array(rest), isClosed)
                    rest = []
                }
            }
            answers.append(Answer(status: status, fields: fields, body: body, isWhole: isWhole))
        }
        return answers
    }

    private static func chunks(_ rest: inout ArraySlice<UInt8>) throws -> ([UInt8], Bool) {
        var body: [UInt8] = []
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) else {
                throw Unreadable(description: "no chunk's size")
            }
            rest = rest[line.upperBound...]
            guard rest.count >= size + 2 else {
                body += rest.prefix(size)
                rest = []
                return (body, false)
            }
            body += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.starts(with: Array("\r\n".utf8)) else { throw Unreadable(description: "no chunk's end") }
            rest = rest.dropFirst(2)
            if size == 0 { return (body, true) }
        }
        return (body, false)
    }
}

extension StringProtocol {
    /// Where `text` stands first. (The standard library's own needs macOS 13, and is generic at great length.)
    fileprivate func range(of text: String) -> Range<Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
            index = self.index(after: index)
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    fileprivate func firstRange(of bytes: [UInt8]) -> Range<Int>? {
        var index = startIndex
        while index + bytes.count <= endIndex {
            if self[index] == bytes[0], self[index..<(index + bytes.count)].elementsEqual(bytes) {
                return index..<(index + bytes.count)
            }
            index += 1
        }
        return nil
    }
}

extension HTTPResponse {
    static func text(_ text: String, _ status: UInt16 = 200) -> HTTPResponse {
        HTTPResponse(status, [HTTPField("Content-Type", "text/plain")], .bytes(Array(text.utf8)))
    }
}
