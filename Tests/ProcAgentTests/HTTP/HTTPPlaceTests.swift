import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Where a server listens: Unix sockets and TLS.
@Suite struct HTTPPlaceTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    static func who(_ request: HTTPRequest, responder: HTTPResponder) {
        responder.respond(.text("\(request.peer), \(request.certificateSubject ?? "no certificate")"))
    }

    static func mode(of path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : nil
    }

    static func connect(_ path: String) throws -> OwnedFD {
        try OwnedFD(result: clinux_unix_connect(path), "connect", on: path)
    }

    @Test func aUnixSocketIsTheUsersAloneAndKnowsWhoConnects() throws {
        let folder = TemporaryDirectory()
        let path = folder.path("http.sock")
        let bed = try HTTPBed(handler: Self.who)
        try bed.server.listen(at: path)
        #expect(Self.mode(of: path) == S_IFSOCK | 0o600)
        let client = try bed.visitor(try Self.connect(path))
        client.say(Self.get)
        try bed.run { client.wholeAnswers() == 1 }
        #expect(try client.answers().map(\.text) == ["process \(getpid()) of user \(getuid()), no certificate"])
        bed.server.stopAccepting()
        #expect(Self.mode(of: path) == nil)
        // Those that are there go on.
        client.say(Self.get)
        try bed.run { client.wholeAnswers() == 2 }
    }

    @Test func aFileGoesOutOnAUnixSocketToo() throws {
        let folder = TemporaryDirectory()
        let file = try HTTPFileTests.numbered(3_000_000, in: folder)
        let bed = try HTTPBed { _, responder in
            responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: 3_000_000)))
        }
        try bed.server.listen(at: folder.path("http.sock"))
        let client = try bed.visitor(try Self.connect(folder.path("http.sock")))
        client.say(Self.get)
        try bed.run { client.heardCount > 3_000_000 && client.wholeAnswers() == 1 }
        #expect(try client.answers().first?.body == contents(of: folder.path("numbers")))
    }

    @Test func aSocketThatNobodyServesIsReplaced() throws {
        let folder = TemporaryDirectory()
        let path = folder.path("http.sock")
        // As a server leaves it that was killed.
        close(clinux_unix_listen(path, 0o600, 1))
        #expect(Self.mode(of: path) != nil)
        let bed = try HTTPBed(handler: Self.who)
        try bed.server.listen(at: path)
        let client = try bed.visitor(try Self.connect(path))
        client.say(Self.get)
        try bed.run { client.wholeAnswers() == 1 }
    }

    @Test func aSocketThatIsServedIsLeftAlone() throws {
        let folder = TemporaryDirectory()
        let path = folder.path("http.sock")
        let (first, second) = (try HTTPBed(handler: Self.who), try HTTPBed(handler: Self.who))
        try first.server.listen(at: path)
        let problem = #expect(throws: SystemError.self) { try second.server.listen(at: path) }
        #expect(problem.map { "\($0)" } == "listen on \(path): Address already in use")
        let client = try first.visitor(try Self.connect(path))
        client.say(Self.get)
        try first.run { client.wholeAnswers() == 1 }
    }

    @Test func whatIsNoSocketIsLeftAlone() throws {
        let folder = TemporaryDirectory()
        let path = folder.write("precious", to: "file")
        let bed = try HTTPBed(handler: Self.who)
        #expect(throws: SystemError("listen on", on: path, errno: EADDRINUSE)) { try bed.server.listen(at: path) }
        #expect(contents(of: path) == Array("precious".utf8))
        let long = folder.path(String(repeating: "x", count: 100))
        #expect(throws: SystemError("listen on", on: long, errno: ENAMETOOLONG)) { try bed.server.listen(at: long) }
    }

    @Test func aSocketOfAnotherAtItsPathIsNotRemoved() throws {
        let folder = TemporaryDirectory()
        let path = folder.path("http.sock")
        let (first, second) = (try HTTPBed(handler: Self.who), try HTTPBed(handler: Self.who))
        try first.server.listen(at: path)
        unlink(path)
        try second.server.listen(at: path)
        first.server.close()
        let client = try second.visitor(try Self.connect(path))
        client.say(Self.get)
        try second.run { client.wholeAnswers() == 1 }
    }

    @Test func overTLSAllIsTheSameAndTheCertificateIsKnown() throws {
        let authority = try TestAuthority()
        let server = try authority.issue(.init(names: ["IP:127.0.0.1"])).identity
        let person = try authority.issue(.init(subject: "/O=Example/CN=someone", purpose: .client)).identity
        let root = TLSContext.PEM(Array(authority.own.certificate.utf8), from: "root")
        let bed = try HTTPBed(
            tls: TLSContext(server: server, clients: .optional(anchors: root)), handler: Self.who)
        for (identity, subject) in [(nil, "no certificate"), (person, "CN=someone,O=Example")] {
            let context = try TLSContext(systemRoots: false, anchors: root, identity: identity)
            let client = try bed.client(tls: context)
            client.say(Self.get + Self.get + "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            try bed.run { client.isClosed }
            #expect(try client.answers().map { $0.text.hasSuffix(", \(subject)") } == [true, true, true])
        }
    }

    @Test func aHandshakeThatFailsOrDoesNotComeHarmsNobody() throws {
        let tls = try HTTPFileTests.tls()
        let bed = try HTTPBed(tls: tls.server) {
            $0.timeouts.head = .milliseconds(200)
        } handler: {
            Self.who($0, responder: $1)
        }
        let (silent, plain) = (try bed.client(), try bed.client())
        plain.say(Self.get)
        try bed.run { plain.isClosed }
        #expect(bed.notices.count == 1 && bed.notices[0].contains("TLS: "), "\(bed.notices)")
        let client = try bed.client(tls: tls.client)
        client.say(Self.get)
        try bed.run { client.wholeAnswers() == 1 }
        try bed.run { silent.isClosed }
        #expect(silent.heard.isEmpty)
    }

    @Test func overTLSManyRequestsInPiecesAreAnsweredInOrder() throws {
        let tls = try HTTPFileTests.tls()
        let bed = try HTTPBed(tls: tls.server) { request, responder in
            responder.collectBody { body in
                responder.respond(.text("\(request.target.segments[0]):\(String(decoding: body, as: UTF8.self))"))
            }
        }
        var random = SeededGenerator(seed: 9)
        let (text, expected) = HTTPExchangeTests.row(300, &random)
        let client = try bed.client(tls: tls.client)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let size = Int(random.next() % 3000) + 1
            client.say(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            try bed.run { client.hasSaidAll }
        }
        try bed.run { client.heardText.hasSuffix(expected.last ?? "") && client.wholeAnswers() == expected.count }
        #expect(try client.answers().map(\.text) == expected)
    }
}
