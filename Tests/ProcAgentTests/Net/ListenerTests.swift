import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct ListenerTests {
    @Test(arguments: [IPAddress.loopbackV4, .loopbackV6])
    func portZeroPicksOneOnWhichConnectionsComeInReadyForUse(ip: IPAddress) throws {
        let bed = try NetBed()
        let guests = try bed.listen(on: ip)
        #expect(guests.address.ip == ip && guests.address.port != 0)

        let dialed = try bed.dial(Endpoint(host: "\(ip)", port: guests.address.port))
        try bed.run { guests.count == 1 }
        let client = try #require(dialed.descriptor)
        #expect(guests.peers[0].ip == ip)
        if ip.family == .v4 { #expect(guests.peers[0].port == RawSocket.localPort(of: client)) }
        #expect(RawSocket.hasAllFlags(guests[0]))
        #expect(write(guests[0].rawValue, "hello", 5) == 5)
        var bytes = [UInt8](repeating: 0, count: 8)
        try bed.run { read(client.rawValue, &bytes, 8) == 5 }
        #expect(bytes.prefix(5) == Array("hello".utf8)[...])
    }

    @Test func aPortThatIsTakenIsNamed() throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        let problem = #expect(throws: SystemError.self) { try Guests(on: guests.address, loop: bed.loop) }
        #expect(problem.map { "\($0)" } == "listen on \(guests.address): Address already in use")
    }

    @Test func anAddressThatIsNotOursIsNamed() throws {
        let bed = try NetBed()
        let address = SocketAddress(.v6(high: 0x2001_0db8_0000_0000, low: 77), port: 4000)
        let problem = #expect(throws: SystemError.self) { try Guests(on: address, loop: bed.loop) }
        #expect(problem.map { "\($0)" } == "listen on [2001:db8::4d]:4000: Cannot assign requested address")
    }

    @Test func aPortIsFreeForASuccessorAtOnce() throws {
        let bed = try NetBed()
        let first = try bed.listen()
        let client = try RawSocket.connected(to: first.address)
        try bed.run { first.count == 1 }
        // The side that closes first keeps the pair of addresses for a minute (TIME-WAIT).
        first.sendAway()
        first.dismissListener()
        var byte: UInt8 = 0
        #expect(read(client.rawValue, &byte, 1) == 0)
        let second = try Guests(on: first.address, loop: bed.loop)
        #expect(second.address == first.address)
    }

    @Test func allOfIPv6LeavesIPv4ToOthers() throws {
        let bed = try NetBed()
        // Some other test may have a port of the same number.
        var both: (Guests, Guests)?
        for _ in 0..<20 where both == nil {
            let v6 = try bed.listen(on: .anyV6)
            both = (try? Guests(on: SocketAddress(.anyV4, port: v6.address.port), loop: bed.loop)).map { (v6, $0) }
        }
        let (v6, v4) = try #require(both)
        _ = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: v6.address.port))
        try bed.run { v4.count == 1 }
        #expect(v6.count == 0)
    }

    @Test func aPausedListenerLetsThemWaitUntilItIsResumed() throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        guests.listener?.pause()
        let clients = try (0..<3).map { _ in try RawSocket.connected(to: guests.address) }
        try bed.run(for: .milliseconds(30))
        #expect(guests.count == 0)
        guests.listener?.resume()
        try bed.run { guests.count == clients.count }
    }

    @Test func aCallbackThatPausesGetsNoMore() throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        let clients = try (0..<4).map { _ in try RawSocket.connected(to: guests.address) }
        guests.onArrival { if guests.count == 2 { guests.listener?.pause() } }
        try bed.run { guests.count == 2 }
        try bed.run(for: .milliseconds(30))
        #expect(guests.count == 2)
        guests.listener?.resume()
        try bed.run { guests.count == clients.count }
    }

    @Test(arguments: [true, false])
    func aCallbackMayEndTheListenerAndThoseWhoWaitedAreReset(byClosing: Bool) throws {
        let bed = try NetBed()
        let guests = try bed.listen()
        let clients = try (0..<3).map { _ in try RawSocket.connected(to: guests.address) }
        guests.onArrival { if byClosing { guests.listener?.close() } else { guests.dismissListener() } }
        try bed.run { guests.count > 0 }
        try bed.run(for: .milliseconds(5))
        #expect(guests.count == 1)
        var byte: UInt8 = 0
        #expect(read(clients[2].rawValue, &byte, 1) == -1 && errno == ECONNRESET)
        #expect(throws: SystemError("connect", on: "\(guests.address)", errno: ECONNREFUSED)) {
            try RawSocket.connected(to: guests.address)
        }
        // No harm in these.
        guests.listener?.close()
        guests.listener?.pause()
        guests.listener?.resume()
    }

    @Test func noMoreThanTheBoundAreAcceptedInATurn() throws {
        let bed = try NetBed()
        var settings = Listener.Settings()
        settings.acceptsPerTurn = 3
        let guests = try bed.listen(settings)
        let clients = try (0..<10).map { _ in try RawSocket.connected(to: guests.address) }
        var counts = [0]
        try bed.run {
            counts.append(guests.count)
            return guests.count == clients.count
        }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $1 - $0 <= 3 }, "\(counts)")
    }

    /// A link-local address of this machine, with the number of its interface (`if_inet6`, see proc_net(5)).
    static let linkLocal: IPAddress? = contents(of: "/proc/self/net/if_inet6").flatMap { bytes in
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").lazy.compactMap { line -> IPAddress? in
            let fields = line.split(separator: " ")
            guard fields.count == 6, fields[3] == "20", let high = UInt64(fields[0].prefix(16), radix: 16),
                let low = UInt64(fields[0].suffix(16), radix: 16), let scope = UInt32(fields[1], radix: 16)
            else { return nil }
            return .v6(high: high, low: low, scope: scope)
        }.first
    }

    @Test(.enabled(if: linkLocal != nil))
    func theInterfaceOfALinkLocalAddressIsKept() throws {
        let bed = try NetBed()
        let ip = try #require(Self.linkLocal)
        let guests = try bed.listen(on: ip)
        #expect(guests.address.ip == ip)
        let dialed = try bed.dial(Endpoint(host: "\(ip)", port: guests.address.port))
        try bed.run { guests.count == 1 }
        #expect(dialed.peer == guests.address)
        #expect(guests.peers[0].ip == ip)
    }

    /// Every number below the limit has to be taken for that.
    static let canUseUpDescriptors: Bool = {
        var limit = rlimit()
        return clinux_get_file_limit(&limit) == 0 && limit.rlim_cur <= 2_000_000
    }()

    @Test(.enabled(if: canUseUpDescriptors))
    func withoutDescriptorsItRestsSaysSoOnceAndGoesOnWhenThereAreSome() throws {
        let (turns, troubles, expected, rests, count) = try withPrivateDescriptors {
            let bed = try NetBed()
            var settings = Listener.Settings()
            settings.respite = .milliseconds(5)
            let guests = try bed.listen(settings)
            let clients = try (0..<3).map { _ in try RawSocket.connected(to: guests.address) }
            var fillers: [OwnedFDBox] = []
            while case let copy = dup(0), copy >= 0 { fillers.append(OwnedFDBox(copy)) }
            var turns = 0
            let start = bed.loop.now
            try bed.run {
                turns += 1
                return bed.loop.now.since(start) > .milliseconds(100)
            }
            let before = guests.count
            fillers.removeLast(clients.count)
            try bed.run { guests.count == clients.count }
            return (
                turns, guests.troubles, "accept on \(guests.address): Too many open files", before, guests.count
            )
        }
        // Some twenty rests and as many ticks of the bed; a loop that spins makes tens of thousands.
        #expect(turns < 200)
        #expect(troubles == [expected])
        #expect(rests == 0 && count == 3)
    }
}

/// A descriptor in an array.
final class OwnedFDBox {
    private let number: CInt
    init(_ number: CInt) { self.number = number }
    deinit { close(number) }
}
