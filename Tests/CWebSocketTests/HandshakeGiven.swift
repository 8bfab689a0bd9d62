import CWebSocket
import Testing

/// What a caller of the handshake gives, in blocks of exactly the right size, for as long as this lives.
final class GivenMemory {
    private var release: [() -> Void] = []

    deinit { for block in release { block() } }

    func array<Element>(_ elements: some Collection<Element>) -> UnsafePointer<Element> {
        let block = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = block.initialize(from: elements)
        release.append { block.deallocate() }
        // Never nil: even an allocation of nothing has an address.
        return UnsafePointer(block.baseAddress!)
    }

    func bytes(_ text: String) -> cws_bytes {
        let utf8 = Array(text.utf8)
        return cws_bytes(at: utf8.isEmpty ? nil : array(utf8), len: utf8.count)
    }

    func headers(_ headers: [GivenHeader]) -> UnsafePointer<cws_header> {
        array(headers.map { cws_header(name: bytes($0.name), value: bytes($0.value)) })
    }
}

struct GivenHeader: Sendable {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The exactly `size` bytes that something was written into, and what it returned.
struct WrittenHead {
    static let untouched: UInt8 = 0xee

    let returned: Int32
    let bytes: [UInt8]

    init(size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int32) {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: size)
        defer { buffer.deallocate() }
        buffer.initialize(repeating: Self.untouched)
        // Never nil: even an allocation of nothing has an address.
        returned = write(buffer.baseAddress!)
        bytes = Array(buffer)
    }

    var text: String { String(decoding: bytes.prefix(max(Int(returned), 0)), as: UTF8.self) }
    var isUntouched: Bool { bytes.allSatisfy { $0 == Self.untouched } }
}

/// A `cws_agreement` that can be compared.
struct SeenAgreement: Equatable, CustomStringConvertible {
    struct Deflate: Equatable {
        var clientNoContextTakeover = false
        var serverNoContextTakeover = false
        var clientMaxWindowBits: UInt8 = 15
        var serverMaxWindowBits: UInt8 = 15
    }

    var subprotocol: Int32 = -1
    var deflate: Deflate?

    var description: String { "(\(subprotocol), \(deflate.map { "\($0)" } ?? "no deflate"))" }
}

extension SeenAgreement {
    init(_ agreement: cws_agreement) {
        subprotocol = agreement.protocol
        guard agreement.deflate else { return }
        deflate = Deflate(
            clientNoContextTakeover: agreement.deflate_params.client_no_context_takeover,
            serverNoContextTakeover: agreement.deflate_params.server_no_context_takeover,
            clientMaxWindowBits: agreement.deflate_params.client_max_window_bits,
            serverMaxWindowBits: agreement.deflate_params.server_max_window_bits)
    }
}

/// What came of a head: an agreement, or the error of whoever judged it.
struct HandshakeJudgement: Equatable {
    var error: Int32 = 0
    var agreement: SeenAgreement?

    init(_ agreement: SeenAgreement) { self.agreement = agreement }

    init(_ error: cws_handshake_error) { self.error = error.rawValue }

    /// - Precondition: the agreement was written, or left alone, as `error` has it.
    init(error: Int32, _ agreement: cws_agreement) {
        precondition(error <= 0 && (error == 0) != (agreement.protocol == Self.untouched.protocol), "\(error)")
        self.error = error
        self.agreement = error == 0 ? SeenAgreement(agreement) : nil
    }

    static let untouched = cws_agreement(protocol: 99, deflate: false, deflate_params: .init())
}

extension cws_http_limits {
    static let handshake = cws_http_limits(head: 4000, line: 1000, fields: 30)
}

/// The key and the answer to it of RFC 6455, section 1.3.
enum SampleKey {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
}

/// A `cws_client_offer`.
struct ClientOffer: Sendable {
    var host = "example.com"
    var target = "/chat"
    var protocols: [String] = []
    var deflate: cws_deflate_terms?
    var headers: [GivenHeader] = []

    func lend<Result>(_ body: (inout cws_client_offer) -> Result) -> Result {
        let given = GivenMemory()
        return withExtendedLifetime(given) {
            var offer = cws_client_offer(
                host: given.bytes(host), target: given.bytes(target),
                protocols: given.array(protocols.map(given.bytes)), protocol_count: protocols.count,
                deflate: deflate.map { given.array([$0]) }, headers: given.headers(headers),
                header_count: headers.count)
            return body(&offer)
        }
    }

    func request(size: Int = 2000) -> (written: WrittenHead, key: String) {
        lend { offer in
            var key = Self.key(String(repeating: "?", count: 24))
            let written = WrittenHead(size: size) { cws_handshake_request_write(&offer, &key, $0, size) }
            return (written, withUnsafeBytes(of: key.text) { String(decoding: $0, as: UTF8.self) })
        }
    }

    /// Nil when the bytes are no response's head.
    func judge(_ response: some Collection<UInt8>, key text: String = SampleKey.key) -> HandshakeJudgement? {
        HeadReading.read(.response, response, limits: .handshake) { bytes, head in
            lend { offer in
                var key = Self.key(text)
                var agreement = HandshakeJudgement.untouched
                let error = cws_handshake_response_judge(bytes, &head, &offer, &key, &agreement)
                return HandshakeJudgement(error: error, agreement)
            }
        }.1
    }

    private static func key(_ text: String) -> cws_handshake_key {
        var key = cws_handshake_key()
        withUnsafeMutableBytes(of: &key.text) { $0.copyBytes(from: text.utf8) }
        return key
    }
}

/// A `cws_server_policy`, and what the response says beside its outcome.
struct ServerPolicy: Sendable {
    var protocols: [String] = []
    var deflate: cws_deflate_policy?
    var headers: [GivenHeader] = []

    func lend<Result>(_ body: (inout cws_server_policy) -> Result) -> Result {
        let given = GivenMemory()
        return withExtendedLifetime(given) {
            var policy = cws_server_policy(
                protocols: given.array(protocols.map(given.bytes)), protocol_count: protocols.count,
                deflate: deflate.map { given.array([$0]) })
            return body(&policy)
        }
    }

    /// Nil when the bytes are no request's head.
    func negotiate(_ request: some Collection<UInt8>) -> (judgement: HandshakeJudgement, answer: cws_server_answer)? {
        HeadReading.read(.request, request, limits: .handshake) { bytes, head in
            lend { policy in
                var answer = cws_server_answer()
                answer.agreement = HandshakeJudgement.untouched
                let error = cws_handshake_negotiate(bytes, &head, &policy, &answer)
                return (HandshakeJudgement(error: error, answer.agreement), answer)
            }
        }.1
    }

    func response(to answer: cws_server_answer, size: Int = 2000) -> WrittenHead {
        let given = GivenMemory()
        return withExtendedLifetime(given) {
            lend { policy in
                var answer = answer
                return WrittenHead(size: size) {
                    cws_handshake_response_write(
                        &answer, &policy, given.headers(headers), headers.count, $0, size)
                }
            }
        }
    }
}

extension cws_deflate_terms {
    static let absent = UInt8(CWS_WINDOW_BITS_ABSENT)
    static let noValue = UInt8(CWS_WINDOW_BITS_NO_VALUE)

    static func terms(
        clientNoTakeover: Bool = false, serverNoTakeover: Bool = false, client: UInt8 = absent,
        server: UInt8 = absent
    ) -> cws_deflate_terms {
        cws_deflate_terms(
            client_no_context_takeover: clientNoTakeover, server_no_context_takeover: serverNoTakeover,
            client_max_window_bits: client, server_max_window_bits: server)
    }
}

extension cws_deflate_policy {
    static func policy(
        clientNoTakeover: Bool = false, serverNoTakeover: Bool = false, client: UInt8 = 15, server: UInt8 = 15,
        clientLimitRequired: Bool = false
    ) -> cws_deflate_policy {
        cws_deflate_policy(
            limits: cws_deflate_params(
                client_no_context_takeover: clientNoTakeover, server_no_context_takeover: serverNoTakeover,
                client_max_window_bits: client, server_max_window_bits: server),
            client_limit_required: clientLimitRequired)
    }
}
