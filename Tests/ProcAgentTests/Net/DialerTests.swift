import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct DialerTests {
    static func limits(
        resolve: UInt64 = 20_000, delay: UInt64 = 250, attempt: UInt64 = 20_000, connect: UInt64 = 20_000
    ) -> Dialer.Limits {
        var limits = Dialer.Limits()
        limits.resolve = .milliseconds(resolve)
        limits.connect.attemptDelay = .milliseconds(delay)
        limits.connect.attempt = .milliseconds(attempt)
        limits.connect.overall = .milliseconds(connect)
        return limits
    }

    static let name = Endpoint(host: "scheduler.example", port: 59789)

    @Test(arguments: [IPAddress.loopbackV4, .loopbackV6])
    func aConnectionComesReadyForUseWithThePeersAddress(ip: IPAddress) throws {
        let bed = try NetBed()
        let guests = try bed.listen(on: ip)
        let outcome = try bed.dial(Endpoint(host: "\(ip)", port: guests.address.port))
        #expect(outcome.peer == guests.address)
        #expect(RawSocket.hasAllFlags(try #require(outcome.descriptor)))
    }

    @Test func aNameIsResolvedAndItsAddressesTriedInTurnUntilOneAnswers() throws {
        let bed = try NetBed()
        let refusing = try (2...4).map { try RawSocket.bound(to: .v4(0x7f00_0000 + $0)) }
        let guests = try bed.listen(on: .v4(0x7f00_0005))
        let outcome = try bed.dial(Self.name, to: refusing.map(\.1) + [guests.address])
        #expect(outcome.peer == guests.address)
    }

    @Test func aRefusalNamesActObjectAndReason() throws {
        let bed = try NetBed()
        let (socket, address) = try RawSocket.bound()
        let outcome = try bed.dial(Endpoint(host: "127.0.0.1", port: address.port))
        #expect(outcome.errorText == "connect \(address): Connection refused")
        withExtendedLifetime(socket) {}
    }

    @Test func whenNoneAnswersTheErrorTellsWhatEachSaid() throws {
        let bed = try NetBed()
        let (socket, address) = try RawSocket.bound(to: .v4(0x7f00_0002))
        let hole = try BlackHole()
        // Nothing can be connected to, and the kernel says so at once.
        let broadcast = SocketAddress(.v4(0xffff_ffff), port: 1)
        let outcome = try bed.dial(
            Self.name, to: [address, broadcast, hole.address], limits: Self.limits(attempt: 50))
        #expect(
            outcome.errorText == """
                connect scheduler.example:59789: 127.0.0.2: Connection refused; \
                255.255.255.255: Network is unreachable; 127.0.0.1: no answer within 50 ms
                """)
        withExtendedLifetime(socket) {}
    }

    @Test func anAddressThatDoesNotAnswerIsOvertakenByTheNextAndLetGo() throws {
        let (peer, expected, elapsed, left) = try withPrivateDescriptors {
            let bed = try NetBed()
            let hole = try BlackHole()
            let guests = try bed.listen(on: .v4(0x7f00_0002))
            let before = openDescriptors()
            let start = bed.loop.now
            let outcome = try bed.dial(
                Self.name, to: [hole.address, guests.address], limits: Self.limits(delay: 20))
            try bed.run { guests.count == 1 }
            return (outcome.peer, guests.address, bed.loop.now.since(start), openDescriptors() - before)
        }
        #expect(peer == expected)
        #expect(elapsed >= .milliseconds(20))
        // Both ends of the connection, and neither the attempt that lost nor anything else.
        #expect(left == 2)
    }

    @Test func silenceIsGivenUpAfterTheLimit() throws {
        let bed = try NetBed()
        let holes = try (1...3).map { try BlackHole(.v4(0x7f00_0000 + $0)) }
        let outcome = try bed.dial(Self.name, to: holes.map(\.address), limits: Self.limits(delay: 10, connect: 100))
        #expect(outcome.errorText == "connect scheduler.example:59789: no answer within 100 ms")
    }

    @Test func anAddressThatHasHadItsTimeIsClosedWhileOthersGoOn() throws {
        let (mostOpen, text) = try withPrivateDescriptors {
            let bed = try NetBed()
            let holes = try (1...3).map { try BlackHole(.v4(0x7f00_0000 + $0)) }
            let resolver = try Resolver(loop: bed.loop) { [addresses = holes.map(\.address)] _ in .success(addresses) }
            let before = openDescriptors()
            var mostOpen = 0
            var outcome: NetBed.Outcome?
            _ = Dialer(loop: bed.loop, resolver: resolver).dial(Self.name, limits: Self.limits(attempt: 30)) {
                outcome = NetBed.Outcome($0)
            }
            try bed.run {
                mostOpen = max(mostOpen, openDescriptors() - before)
                return outcome != nil
            }
            return (mostOpen, outcome?.errorText)
        }
        #expect(mostOpen == 1)
        #expect(text == "connect scheduler.example:59789: no answer within 30 ms")
    }

    @Test func aNameThatIsNotKnownIsAnErrorOfThatStep() throws {
        let bed = try NetBed()
        let outcome = try bed.dial(Endpoint(host: "no-such-host.invalid", port: 80))
        // "Name or service not known", or without a name server "Temporary failure in name resolution".
        #expect(outcome.errorText?.hasPrefix("resolve no-such-host.invalid: ") == true, "\(outcome)")
    }

    @Test func aResolverThatHangsIsGivenUpAfterTheLimit() throws {
        let bed = try NetBed()
        let gate = try Gate()
        defer { gate.open() }
        let resolver = try Resolver(loop: bed.loop) { _ in
            gate.pass()
            return .success([])
        }
        var outcome: NetBed.Outcome?
        _ = Dialer(loop: bed.loop, resolver: resolver).dial(Self.name, limits: Self.limits(resolve: 30)) {
            outcome = NetBed.Outcome($0)
        }
        try bed.run { outcome != nil }
        #expect(outcome?.errorText == "resolve scheduler.example: no answer within 30 ms")
    }

    @Test func nothingIsCalledBeforeTheCallReturns() throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        let dialer = Dialer(loop: bed.loop, resolver: try Resolver(loop: bed.loop))
        var hasReturned = false
        var calls: [Bool] = []
        _ = dialer.dial(Endpoint(host: "127.0.0.1", port: guests.address.port)) { _ in calls.append(hasReturned) }
        hasReturned = true
        try bed.run { !calls.isEmpty }
        try bed.run(for: .milliseconds(20))
        #expect(calls == [true])
    }

    /// Where a dial is when it is cancelled.
    enum Phase: CaseIterable, Sendable { case beforeAnything, resolving, connecting, connected, over }

    @Test(arguments: Phase.allCases)
    func aDialCanBeCancelledAtAnyMomentAndLeavesNothingOpen(phase: Phase) throws {
        let (calls, left) = try withPrivateDescriptors {
            let bed = try NetBed()
            let gate = try Gate()
            let holes = try [BlackHole(), BlackHole(.v4(0x7f00_0002))]
            let guests = try bed.listen()
            let resolver = try Resolver(loop: bed.loop) { [addresses = holes.map(\.address)] _ in
                if phase == .resolving { gate.pass() }
                return .success(addresses)
            }
            let dialer = Dialer(loop: bed.loop, resolver: resolver)
            let endpoint =
                switch phase {
                case .beforeAnything, .resolving, .connecting: Self.name
                case .connected, .over: Endpoint(host: "127.0.0.1", port: guests.address.port)
                }
            let before = openDescriptors()
            var calls = 0
            let dial = dialer.dial(endpoint, limits: Self.limits(delay: 1)) { _ in calls += 1 }
            switch phase {
            case .beforeAnything: break
            case .resolving: try bed.run { gate.inside == 1 }
            case .connecting: try bed.run { openDescriptors() == before + 2 }
            // The handshake is the kernel's, so that it is done in the turn in which it begins.
            case .connected: try bed.run { openDescriptors() == before + 1 }
            case .over: try bed.run { calls == 1 }
            }
            let already = calls
            dial.cancel()
            gate.open()
            try bed.run(for: .milliseconds(20))
            dial.cancel()
            guests.sendAway()
            // The gate has closed one of its own.
            return (calls - already, openDescriptors() - before + 1)
        }
        #expect(calls == 0)
        #expect(left == 0)
    }

    @Test func aCallbackMayDialAgainAndCancelWhatIsOver() throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        let (socket, refusing) = try RawSocket.bound()
        let dialer = Dialer(loop: bed.loop, resolver: try Resolver(loop: bed.loop))
        var first: Dial?
        var outcome: NetBed.Outcome?
        first = dialer.dial(Endpoint(host: "127.0.0.1", port: refusing.port)) { _ in
            first?.cancel()
            _ = dialer.dial(Endpoint(host: "127.0.0.1", port: guests.address.port)) { outcome = NetBed.Outcome($0) }
        }
        try bed.run { outcome != nil }
        #expect(outcome?.peer == guests.address)
        withExtendedLifetime(socket) {}
    }

    @Test func aThousandConnectionsLeaveNoDescriptorBehind() throws {
        let (connected, left) = try withPrivateDescriptors {
            let bed = try NetBed()
            let guests = try bed.listen()
            let (socket, refusing) = try RawSocket.bound(to: .v4(0x7f00_0002))
            let hole = try BlackHole(.v4(0x7f00_0003))
            let resolver = try Resolver(loop: bed.loop) { [address = guests.address] endpoint in
                .success(endpoint.port == 1 ? [hole.address, address] : [refusing, address])
            }
            let dialer = Dialer(loop: bed.loop, resolver: resolver)
            let before = openDescriptors()
            var connected = 0
            for number in 0..<1000 {
                var isOver = false
                // One in ten leaves a loser.
                let endpoint = Endpoint(host: "name", port: number % 10 == 0 ? 1 : 2)
                _ = dialer.dial(endpoint, limits: Self.limits(delay: 1)) { result in
                    isOver = true
                    if case .connected = NetBed.Outcome(result) { connected += 1 }
                }
                try bed.run { isOver && guests.count == 1 }
                guests.sendAway()
            }
            withExtendedLifetime(socket) {}
            return (connected, openDescriptors() - before)
        }
        #expect(connected == 1000)
        #expect(left == 0)
    }

    @Test(.enabled(if: ListenerTests.canUseUpDescriptors))
    func withoutADescriptorTheErrorSaysSo() throws {
        let (text, address) = try withPrivateDescriptors {
            let bed = try NetBed()
            let guests = try bed.listen()
            let dialer = Dialer(loop: bed.loop, resolver: try Resolver(loop: bed.loop))
            var fillers: [OwnedFDBox] = []
            while case let copy = dup(0), copy >= 0 { fillers.append(OwnedFDBox(copy)) }
            var outcome: NetBed.Outcome?
            _ = dialer.dial(Endpoint(host: "127.0.0.1", port: guests.address.port)) { outcome = NetBed.Outcome($0) }
            try bed.run { outcome != nil }
            withExtendedLifetime(fillers) {}
            return (outcome?.errorText, guests.address)
        }
        #expect(text == "connect \(address): Too many open files")
    }

    @Test func aSocketThatHasMetItselfIsTold() throws {
        let (socket, address) = try RawSocket.bound()
        _ = clinux_set_blocking(socket.rawValue)
        #expect(RawSocket.withAddress(address) { connect(socket.rawValue, $0, $1) } == 0)
        #expect(clinux_is_connected_to_itself(socket.rawValue) == 1)

        let (listening, other) = try RawSocket.bound(backlog: 1)
        let client = try RawSocket.connected(to: other)
        #expect(clinux_is_connected_to_itself(client.rawValue) == 0)
        #expect(clinux_is_connected_to_itself(listening.rawValue) == -ENOTCONN)
    }
}
