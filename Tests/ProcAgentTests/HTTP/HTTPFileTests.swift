import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct HTTPFileTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    /// A file in which every 8 bytes are their place.
    static func numbered(_ count: Int, in folder: TemporaryDirectory) throws -> SharedFD {
        let words = (0..<UInt64(count / 8)).map { $0 }
        let path = words.withUnsafeBytes { folder.write(bytes: Array($0), to: "numbers") }
        return SharedFD(try OwnedFD(result: open(path, O_RDWR | O_CLOEXEC), "open"))
    }

    static func tls() throws -> (server: TLSContext, client: TLSContext) {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        return (
            try TLSContext(server: certificate.identity),
            try TLSContext(systemRoots: false, anchors: certificate.identity.certificate)
        )
    }

    @Test(arguments: [false, true])
    func aPartOfAFileIsSentByteForByte(overTLS: Bool) throws {
        let folder = TemporaryDirectory()
        let file = try Self.numbered(4_000_000, in: folder)
        let tls = overTLS ? try Self.tls() : nil
        let bed = try HTTPBed(tls: tls?.server) { request, responder in
            let range = RangeRequest(request.value(of: "range"), length: 4_000_000)
            guard case .part(let part) = range else { return responder.respond(.text("all", 400)) }
            responder.respond(
                HTTPResponse(
                    206, [HTTPField("Content-Range", range.contentRange(length: 4_000_000) ?? "")],
                    .file(file, offset: part.lowerBound, count: UInt64(part.count))))
        }
        let client = try bed.client(tls: tls?.client)
        let whole = try #require(contents(of: folder.path("numbers")))
        let ranges = [0..<4_000_000, 0..<1, 3_999_999..<4_000_000, 8..<16, 262_143..<262_145, 1_000_001..<3_000_000]
        for range in ranges {
            client.say(
                "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=\(range.lowerBound)-\(range.upperBound - 1)\r\n\r\n")
        }
        try bed.run { client.heardCount > 6_000_000 && client.wholeAnswers() == ranges.count }
        for (answer, range) in zip(try client.answers(), ranges) {
            #expect(answer.status == 206 && answer.body == Array(whole[range]), "\(range)")
        }
    }

    @Test func twoGigabytesGoOutInConstantMemory() throws {
        let size: UInt64 = 2 << 30
        // Where nothing is written, no memory is taken.
        let file = SharedFD(try OwnedFD(result: clinux_memfd("sparse"), "memfd"))
        try #require(ftruncate(file.rawValue, off_t(size)) == 0)
        // Marks at places that a mistake of 32 bits would confuse.
        for place in [0, Int(size) / 2 - 1, Int(size) - 1] { try #require(pwrite(file.rawValue, "m", 1, place) == 1) }
        let bed = try HTTPBed { _, responder in
            responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: size)))
        }
        let client = try bed.client()
        var marks: [UInt64] = []
        var (count, headIsOver): (UInt64, Bool) = (0, false)
        client.onBytes = { bytes in
            var body = UnsafeRawBufferPointer(bytes)
            if !headIsOver {
                guard let end = (0..<(body.count - 3)).first(where: { body[$0...].starts(with: "\r\n\r\n".utf8) })
                else {
                    return
                }
                headIsOver = true
                body = UnsafeRawBufferPointer(rebasing: body[(end + 4)...])
            }
            var from = 0
            while from < body.count, let start = body.baseAddress,
                let mark = memchr(start + from, CInt(UInt8(ascii: "m")), body.count - from)
            {
                from = UnsafeRawPointer(mark) - start + 1
                marks.append(count + UInt64(from) - 1)
            }
            count += UInt64(body.count)
        }
        let before = residentBytes()
        client.say(Self.get)
        try bed.run { count >= size }
        #expect(count == size && marks == [0, size / 2 - 1, size - 1])
        if !Sanitizer.isOn { #expect(residentBytes() < before + (64 << 20)) }
    }

    /// Of this process; other tests run in it at the same time.
    func residentBytes() -> Int {
        let fields = contents(of: "/proc/self/statm").map { String(decoding: $0, as: UTF8.self).split(separator: " ") }
        return (fields.flatMap { Int($0[1]) } ?? 0) * 4096
    }

    @Test func whatIsOnDiskOnlyIsReadInFirst() throws {
        let folder = TemporaryDirectory()
        let file = try Self.numbered(4_000_000, in: folder)
        let whole = try #require(contents(of: folder.path("numbers")))
        let bed = try HTTPBed { _, responder in
            responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: 4_000_000)))
        }
        // Out of memory again, where the file system does that.
        try #require(fsync(file.rawValue) == 0)
        posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
        let client = try bed.client()
        client.say(Self.get)
        try bed.run { client.heardCount > 4_000_000 && client.wholeAnswers() == 1 }
        #expect(try client.answers().first?.body == whole)
    }

    @Test func memoryFilesAreSentToo() throws {
        let memory = SharedFD(try OwnedFD(result: clinux_memfd("test"), "memfd"))
        #expect(write(memory.rawValue, "0123456789", 10) == 10)
        let bed = try HTTPBed { _, responder in
            responder.respond(HTTPResponse(200, [], .file(memory, offset: 2, count: 5)))
        }
        let client = try bed.client()
        client.say(Self.get + Self.get)
        try bed.run { client.wholeAnswers() == 2 }
        #expect(try client.answers().map(\.text) == ["23456", "23456"])
    }

    @Test(arguments: [false, true])
    func aFileThatHasBecomeShorterBreaksTheConnectionAndIsReported(overTLS: Bool) throws {
        let folder = TemporaryDirectory()
        let file = try Self.numbered(8000, in: folder)
        let tls = overTLS ? try Self.tls() : nil
        let bed = try HTTPBed(tls: tls?.server) { _, responder in
            responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: 8001)))
        }
        let client = try bed.client(tls: tls?.client)
        client.say(Self.get)
        try bed.run { client.isClosed }
        #expect(client.wholeAnswers() == 0)
        let call = overTLS ? "read a file to be sent" : "send a file"
        #expect(bed.notices.count == 1 && bed.notices[0].hasSuffix(": \(call): No data available"), "\(bed.notices)")
    }

    @Test func aSlowReaderOfAFileHoldsUpNobodyElse() throws {
        let folder = TemporaryDirectory()
        let path = folder.write("", to: "sparse")
        let file = SharedFD(try OwnedFD(result: open(path, O_RDWR | O_CLOEXEC), "open"))
        try #require(ftruncate(file.rawValue, 1 << 30) == 0)
        var gone = false
        let bed = try HTTPBed { request, responder in
            if request.target.segments.isEmpty {
                responder.onDisconnect { gone = true }
                responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: 1 << 30)))
            } else {
                responder.respond(.text("quick"))
            }
        }
        let slow = try bed.client()
        slow.isDeaf = true
        slow.say(Self.get)
        try bed.run { slow.hasSaidAll && bed.server.connectionCount == 1 }
        for _ in 0..<20 {
            #expect(try bed.ask("GET /quick HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").map(\.text) == ["quick"])
        }
        slow.leave()
        try bed.run { gone && bed.server.connectionCount == 0 }
    }
}
