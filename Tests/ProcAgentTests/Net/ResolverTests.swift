import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct ResolverTests {
    static let name = Endpoint(host: "scheduler.example", port: 59789)

    /// Resolves to the end.
    static func resolve(_ endpoint: Endpoint, with resolver: Resolver, _ bed: NetBed) throws -> Resolver.Answer {
        var answer: Resolver.Answer?
        _ = resolver.resolve(endpoint, within: .seconds(20)) { answer = $0 }
        try bed.run { answer != nil }
        return try #require(answer)
    }

    @Test func localhostIsThisMachineOnceForEachFamily() throws {
        let bed = try NetBed()
        let answer = try Self.resolve(Endpoint(host: "localhost", port: 7), with: Resolver(loop: bed.loop), bed)
        let addresses = try answer.get()
        #expect(addresses.contains(SocketAddress(.loopbackV4, port: 7)))
        #expect(Set(addresses).count == addresses.count)
    }

    static let literals: [(host: String, ip: IPAddress)] = [
        ("127.0.0.1", .loopbackV4), ("::1", .loopbackV6),
        ("fe80::1%7", .v6(high: 0xfe80_0000_0000_0000, low: 1, scope: 7)),
    ]

    @Test(arguments: literals)
    func aLiteralIsItselfAndNobodyIsAsked(host: String, ip: IPAddress) throws {
        let bed = try NetBed()
        let resolver = try Resolver(loop: bed.loop) { .failure(ResolveError($0.host, .noAddress)) }
        let answer = try Self.resolve(Endpoint(host: host, port: 80), with: resolver, bed)
        #expect(answer == .success([SocketAddress(ip, port: 80)]))
    }

    @Test func theNameOfAnInterfaceIsTheSystemsToKnow() throws {
        let answer = Resolver.askSystem(Endpoint(host: "fe80::1%lo", port: 80))
        let scope = if_nametoindex("lo")
        #expect(answer == .success([SocketAddress(.v6(high: 0xfe80_0000_0000_0000, low: 1, scope: scope), port: 80)]))
    }

    @Test func aNameWithAZeroByteIsNotCutThere() {
        let answer = Resolver.askSystem(Endpoint(host: "localhost\0.example", port: 80))
        #expect(answer == .failure(ResolveError("localhost\0.example", .failed(code: EAI_NONAME, errno: 0))))
    }

    @Test(arguments: ["no-such-host.invalid", "", "256.0.0.1.invalid", String(repeating: "a", count: 300)])
    func aNameThatIsNotKnownFails(host: String) throws {
        let bed = try NetBed()
        let answer = try Self.resolve(Endpoint(host: host, port: 80), with: Resolver(loop: bed.loop), bed)
        let problem = #expect(throws: ResolveError.self) { try answer.get() }
        #expect(problem.map { "\($0)".hasPrefix("resolve \(host): ") } == true)
    }

    @Test func anAnswerWithoutAnAddressIsAFailure() throws {
        let bed = try NetBed()
        let resolver = try Resolver(loop: bed.loop) { _ in .success([]) }
        #expect(
            try Self.resolve(Self.name, with: resolver, bed)
                == .failure(ResolveError("scheduler.example", .noAddress)))
    }

    @Test func eachLookupAsksAnew() throws {
        let bed = try NetBed()
        let asked = Guarded(0)
        let resolver = try Resolver(loop: bed.loop) { endpoint in
            .success([
                SocketAddress(
                    .loopbackV4,
                    port: asked.withLock { count in
                        count += 1
                        return UInt16(count)
                    })
            ])
        }
        let answers = try (0..<3).map { _ in try Self.resolve(Self.name, with: resolver, bed).get()[0].port }
        #expect(answers == [1, 2, 3])
    }

    @Test func aHangingLookupIsGivenUpAndItsThreadLeftAlone() throws {
        let bed = try NetBed()
        let gate = try Gate()
        let asked = Guarded(false)
        let resolver = try Resolver(loop: bed.loop) { _ in
            gate.pass()
            asked.withLock { $0 = true }
            return .success([SocketAddress(.loopbackV4, port: 1)])
        }
        var answers: [Resolver.Answer] = []
        let lookup = resolver.resolve(Self.name, within: .seconds(20)) { answers.append($0) }
        _ = resolver.resolve(Self.name, within: .milliseconds(20)) { answers.append($0) }
        try bed.run { gate.inside == 2 }
        lookup.cancel()
        // A call that is cancelled the other way is interrupted every 20 ms.
        try bed.run(for: .milliseconds(100))
        #expect(answers == [.failure(ResolveError("scheduler.example", .noAnswer(within: .milliseconds(20))))])
        #expect(gate.inside == 2 && gate.interrupted == 0)

        // What comes of them later is nobody's.
        gate.open()
        try bed.run { asked.withLock { $0 } && gate.inside == 0 }
        try bed.run(for: .milliseconds(20))
        #expect(answers.count == 1)
        lookup.cancel()
    }

    @Test func abandonedLookupsCountAndFurtherOnesWaitForThem() throws {
        let bed = try NetBed()
        let gate = try Gate()
        let resolver = try Resolver(loop: bed.loop, limit: 2) { _ in
            gate.pass()
            return .success([SocketAddress(.loopbackV4, port: 1)])
        }
        let lookups = (0..<2).map { _ in resolver.resolve(Self.name, within: .seconds(20)) { _ in } }
        try bed.run { gate.inside == 2 }
        lookups.forEach { $0.cancel() }

        var answers: [Resolver.Answer] = []
        _ = resolver.resolve(Self.name, within: .milliseconds(10)) { answers.append($0) }
        _ = resolver.resolve(Self.name, within: .seconds(20)) { answers.append($0) }
        try bed.run { answers.count == 1 }
        #expect(answers == [.failure(ResolveError("scheduler.example", .noAnswer(within: .milliseconds(10))))])
        #expect(gate.entered == 2)

        gate.open()
        try bed.run { answers.count == 2 }
        #expect(answers.last == .success([SocketAddress(.loopbackV4, port: 1)]))
        // The one that had run out of time while it waited was never asked for.
        #expect(gate.entered == 3 && gate.highest == 2)
    }
}
