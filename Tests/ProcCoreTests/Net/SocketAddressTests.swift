import ProcCore
import Testing

@Suite struct SocketAddressTests {
    static let addresses: [(text: String, address: SocketAddress)] = [
        ("127.0.0.1:80", SocketAddress(.loopbackV4, port: 80)),
        ("0.0.0.0:0", SocketAddress(.anyV4, port: 0)),
        ("255.254.0.9:65535", SocketAddress(.v4(0xfffe_0009), port: 65535)),
        ("[::1]:80", SocketAddress(.loopbackV6, port: 80)),
        ("[::]:1", SocketAddress(.anyV6, port: 1)),
        (
            "[2001:db8::a:0:0:1]:443",
            SocketAddress(.v6(high: 0x2001_0db8_0000_0000, low: 0x000a_0000_0000_0001), port: 443)
        ),
        ("[fe80::1%3]:22", SocketAddress(.v6(high: 0xfe80_0000_0000_0000, low: 1, scope: 3), port: 22)),
        ("[::ffff:10.0.0.1]:22", SocketAddress(.v6(high: 0, low: 0xffff_0a00_0001), port: 22)),
    ]

    @Test(arguments: addresses)
    func theDescriptionIsWhatIsParsed(text: String, address: SocketAddress) {
        #expect(address.description == text)
        #expect(SocketAddress(parsing: text) == address)
    }

    @Test(arguments: [
        "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+80", "127.0.0.1:-1", "127.0.0.1: 80",
        "127.0.0.1:8e1", "127.1:80", "127.0.0.1.5:80", "[127.0.0.1]:80", "::1:80", "::1", "[::1]", "[::1]80", "[]:80",
        "[::1:80", "::1]:80", "[:::1]:80", "[::1%]:80", "[::1%+3]:80", "[::1%4294967296]:80", "[::1%lo]:80",
        "[fe80::1%1%2]:80", "[::1\0]:80", "127.0.0.1\0:80", "127.0.0.1\0.example:80", "localhost:80", "127.0.0.1:٨٠",
    ])
    func whatIsNoLiteralIsNotParsed(text: String) {
        #expect(SocketAddress(parsing: text) == nil)
    }

    @Test func aBareAddressHasNoBrackets() {
        #expect(IPAddress(parsing: "::1") == .loopbackV6)
        #expect(IPAddress(parsing: "[::1]") == nil)
        #expect(IPAddress(parsing: "2001:DB8:0:0:0:0:0:1").map { "\($0)" } == "2001:db8::1")
    }

    static let endpoints: [(text: String, endpoint: Endpoint)] = [
        ("scheduler.example:59789", Endpoint(host: "scheduler.example", port: 59789)),
        ("[::1]:80", Endpoint(host: "::1", port: 80)),
        ("[fe80::1%eth0]:80", Endpoint(host: "fe80::1%eth0", port: 80)),
        ("10.0.0.1:0", Endpoint(host: "10.0.0.1", port: 0)),
    ]

    @Test(arguments: endpoints)
    func anEndpointTakesNamesToo(text: String, endpoint: Endpoint) {
        #expect(Endpoint(parsing: text) == endpoint)
        #expect(endpoint.description == text)
    }

    @Test(arguments: ["scheduler.example", "scheduler.example:", ":80", "[]:80", "a:b:80", "host:65536", "host:0x50"])
    func anEndpointHasAHostAndAPort(text: String) {
        #expect(Endpoint(parsing: text) == nil)
    }
}
