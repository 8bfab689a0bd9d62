import CWebSocket
import Testing

@Suite struct HttpErrorTests {
    static let codes = CWS_HTTP_ERR_BODY_TOO_LARGE.rawValue...CWS_HTTP_ERR_BARE_CR.rawValue

    @Test func everyErrorHasAReasonOfItsOwnAndAStatus() {
        let reasons = Self.codes.map { String(cString: cws_http_error_reason($0)) }
        #expect(Set(reasons).count == 30)
        for reason in reasons { #expect(!reason.isEmpty && !reason.hasSuffix(".") && !reason.contains("unknown")) }
        #expect(Self.codes.allSatisfy { (400...505).contains(cws_http_error_status($0)) })
    }

    static let statuses: [(error: cws_http_error, status: UInt16)] = [
        (CWS_HTTP_ERR_BARE_CR, 400), (CWS_HTTP_ERR_HOST_MISSING, 400), (CWS_HTTP_ERR_LENGTH_AND_CODING, 400),
        (CWS_HTTP_ERR_LENGTH_TOO_LARGE, 413), (CWS_HTTP_ERR_BODY_TOO_LARGE, 413),
        (CWS_HTTP_ERR_START_LINE_TOO_LONG, 414), (CWS_HTTP_ERR_EXPECTATION, 417),
        (CWS_HTTP_ERR_FIELD_TOO_LONG, 431), (CWS_HTTP_ERR_HEAD_TOO_LONG, 431), (CWS_HTTP_ERR_TOO_MANY_FIELDS, 431),
        (CWS_HTTP_ERR_CODING, 501), (CWS_HTTP_ERR_STATUS, 502), (CWS_HTTP_ERR_VERSION, 505),
    ]

    @Test(arguments: statuses)
    func theStatusSaysWhatAServerAnswers(error: cws_http_error, status: UInt16) {
        #expect(cws_http_error_status(error.rawValue) == status)
    }

    @Test(arguments: [0, 1, -1, -100, -131, Int32.min])
    func aNumberThatIsNoErrorIsOurs(number: Int32) {
        #expect(cws_http_error_status(number) == 500)
        #expect(String(cString: cws_http_error_reason(number)) == "unknown HTTP error")
    }
}
