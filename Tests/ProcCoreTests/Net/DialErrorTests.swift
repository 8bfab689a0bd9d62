import Glibc
import ProcCore
import Testing

@Suite struct DialErrorTests {
    static let first = SocketAddress(.v4(0x0a00_0001), port: 59789)
    static let second = SocketAddress(.v6(high: 0xfd00_0000_0000_0000, low: 1), port: 59789)
    static let endpoint = Endpoint(host: "scheduler.example", port: 59789)

    static func refused(_ address: SocketAddress) -> ConnectFailure.Attempt {
        ConnectFailure.Attempt(address, .system(errno: ECONNREFUSED))
    }

    static func silent(_ address: SocketAddress, _ seconds: UInt64 = 10) -> ConnectFailure.Attempt {
        ConnectFailure.Attempt(address, .noAnswer(within: .seconds(seconds)))
    }

    static let failures: [(failure: ConnectFailure, text: String)] = [
        (ConnectFailure([refused(first)], untried: 0), "Connection refused"),
        (
            ConnectFailure(
                [refused(first), ConnectFailure.Attempt(second, .system(errno: EHOSTUNREACH))], untried: 0),
            "10.0.0.1: Connection refused; [fd00::1]: No route to host"
        ),
        (
            ConnectFailure([refused(first), refused(second)], untried: 0),
            "10.0.0.1: Connection refused; [fd00::1]: Connection refused"
        ),
        (ConnectFailure([silent(first)], untried: 0), "no answer within 10 s"),
        (ConnectFailure([silent(first), silent(second)], untried: 3), "no answer within 10 s"),
        (
            ConnectFailure([silent(first, 5), silent(second)], untried: 0),
            "10.0.0.1: no answer within 5 s; [fd00::1]: no answer within 10 s"
        ),
        (
            ConnectFailure([refused(first), silent(second)], untried: 2),
            "10.0.0.1: Connection refused; [fd00::1]: no answer within 10 s; 2 more not tried"
        ),
        (
            ConnectFailure(Array(repeating: refused(first), count: 10), untried: 0),
            String(repeating: "10.0.0.1: Connection refused; ", count: 8) + "2 more failed"
        ),
        (ConnectFailure([], untried: 0), "no address"),
    ]

    @Test(arguments: failures)
    func aFailureToConnectTellsWhatEachAddressSaid(failure: ConnectFailure, text: String) {
        #expect("\(DialError.connect(Self.endpoint, failure))" == "connect scheduler.example:59789: \(text)")
    }

    @Test func aLiteralIPv6AddressStandsInBrackets() {
        let failure = DialError.connect(
            Endpoint(host: "::1", port: 80), ConnectFailure([Self.refused(Self.second)], untried: 0))
        #expect("\(failure)" == "connect [::1]:80: Connection refused")
    }

    static let reasons: [(reason: ResolveError.Reason, text: String)] = [
        (.failed(code: EAI_NONAME, errno: 0), "Name or service not known"),
        (.failed(code: EAI_AGAIN, errno: 0), "Temporary failure in name resolution"),
        (.failed(code: EAI_SYSTEM, errno: EMFILE), "Too many open files"),
        (.noAddress, "no address"),
        (.noAnswer(within: .milliseconds(2500)), "no answer within 2.5 s"),
    ]

    @Test(arguments: reasons)
    func aFailureToResolveTellsWhy(reason: ResolveError.Reason, text: String) {
        #expect("\(DialError.resolve(ResolveError("no.such.host", reason)))" == "resolve no.such.host: \(text)")
    }

    static let acceptFailures: [(number: CInt, meaning: AcceptFailure)] = [
        (EAGAIN, .nobody), (ECONNABORTED, .oneLost), (EINTR, .oneLost), (EPERM, .oneLost), (ENETDOWN, .oneLost),
        (EPROTO, .oneLost), (EHOSTUNREACH, .oneLost), (EMFILE, .exhausted), (ENFILE, .exhausted),
        (ENOBUFS, .exhausted), (ENOMEM, .exhausted), (EINVAL, .exhausted), (EBADF, .exhausted),
    ]

    @Test(arguments: acceptFailures)
    func whatMayFailAgainAtOnceIsNotTriedAtOnce(number: CInt, meaning: AcceptFailure) {
        #expect(AcceptFailure(errno: number) == meaning)
    }
}
