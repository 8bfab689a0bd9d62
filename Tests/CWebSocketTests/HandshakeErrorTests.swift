import CWebSocket
import Testing

@Suite struct HandshakeErrorTests {
    static let codes = CWS_HANDSHAKE_ERR_DEFLATE_TERMS.rawValue...CWS_HANDSHAKE_ERR_TOO_SMALL.rawValue

    @Test func everyErrorHasAReasonOfItsOwnAndAStatus() {
        let reasons = Self.codes.map { String(cString: cws_handshake_error_reason($0)) }
        #expect(Set(reasons).count == 38)
        for reason in reasons { #expect(!reason.isEmpty && !reason.hasSuffix(".") && !reason.contains("unknown")) }
    }

    static let statuses: [(error: cws_handshake_error, status: UInt16)] = [
        (CWS_HANDSHAKE_ERR_TOO_SMALL, 500), (CWS_HANDSHAKE_ERR_CRYPTO, 500), (CWS_HANDSHAKE_ERR_REASON, 500),
        (CWS_HANDSHAKE_ERR_METHOD, 405), (CWS_HANDSHAKE_ERR_HTTP_VERSION, 400), (CWS_HANDSHAKE_ERR_UPGRADE, 426),
        (CWS_HANDSHAKE_ERR_VERSION, 426), (CWS_HANDSHAKE_ERR_VERSION_MISSING, 400), (CWS_HANDSHAKE_ERR_KEY, 400),
        (CWS_HANDSHAKE_ERR_PROTOCOLS, 400), (CWS_HANDSHAKE_ERR_EXTENSIONS, 400), (CWS_HANDSHAKE_ERR_REFUSED, 502),
        (CWS_HANDSHAKE_ERR_ACCEPT, 502), (CWS_HANDSHAKE_ERR_DEFLATE_TERMS, 502),
    ]

    @Test(arguments: statuses)
    func theStatusSaysWhatAServerAnswers(code: cws_handshake_error, status: UInt16) {
        #expect(cws_handshake_error_status(code.rawValue) == status)
    }

    @Test func theNumbersAreStable() {
        #expect(CWS_HANDSHAKE_ERR_TOO_SMALL.rawValue == -201)
        #expect(CWS_HANDSHAKE_ERR_METHOD.rawValue == -212)
        #expect(CWS_HANDSHAKE_ERR_REFUSED.rawValue == -226)
        #expect(CWS_HANDSHAKE_ERR_DEFLATE_TERMS.rawValue == -238)
    }

    @Test(arguments: [0, 1, -1, -101, -200, -239, Int32.min])
    func aNumberThatIsNoErrorIsOurs(number: Int32) {
        #expect(cws_handshake_error_status(number) == 500)
        #expect(String(cString: cws_handshake_error_reason(number)) == "unknown handshake error")
    }
}
