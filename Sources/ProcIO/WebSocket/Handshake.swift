internal import CWebSocket

/// Texts as C takes them: they stay where they are as long as this lives.
private final class CTexts {
    private var blocks: [UnsafeMutableBufferPointer<UInt8>] = []

    func bytes(_ text: String) -> cws_bytes {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = copy.initialize(from: text.utf8)
        blocks.append(copy)
        return cws_bytes(at: UnsafePointer(copy.baseAddress), len: copy.count)
    }

    func header(_ field: HTTPField) -> cws_header {
        cws_header(name: bytes(field.name), value: bytes(field.value))
    }

    deinit {
        for block in blocks {
            // A token among them.
            block.wipe()
            block.deallocate()
        }
    }
}

/// What went wrong in an opening handshake.
struct HandshakeFailure: Error {
    /// One of `cws_handshake_error`.
    let code: CInt

    var reason: String { String(cString: cws_handshake_error_reason(code)) }
    var status: UInt16 { cws_handshake_error_status(code) }
}

private let headLimit = Int(CWS_HTTP_HEAD_DEFAULT)

private func write(
    _ body: (UnsafeMutablePointer<UInt8>, Int) -> CInt
) throws(HandshakeFailure) -> HeldBytes {
    try HeldBytes(capacity: headLimit) { memory throws(HandshakeFailure) in
        guard let start = memory.baseAddress else { preconditionFailure("no room for a head") }
        let result = body(start, memory.count)
        guard result > 0 else { throw HandshakeFailure(code: result) }
        return Int(result)
    }
}

/// The client's part of an opening handshake.
struct ClientHandshake {
    let host: String
    let target: String
    let subprotocols: [String]
    let offersDeflate: Bool
    let headers: [HTTPField]
    private var key = cws_handshake_key()

    init(host: String, target: String, subprotocols: [String], offersDeflate: Bool, headers: [HTTPField]) {
        self.host = host
        self.target = target
        self.subprotocols = subprotocols
        self.offersDeflate = offersDeflate
        self.headers = headers
    }

    private func withOffer<T>(_ body: (UnsafePointer<cws_client_offer>) -> T) -> T {
        let texts = CTexts()
        var terms = cws_deflate_terms()
        // The server may choose the window of either side.
        terms.client_max_window_bits = UInt8(CWS_WINDOW_BITS_NO_VALUE)
        let protocols = subprotocols.map(texts.bytes)
        let fields = headers.map(texts.header)
        return withExtendedLifetime(texts) {
            withUnsafePointer(to: &terms) { terms in
                protocols.withUnsafeBufferPointer { protocols in
                    fields.withUnsafeBufferPointer { fields in
                        var offer = cws_client_offer()
                        offer.host = texts.bytes(host)
                        offer.target = texts.bytes(target)
                        offer.protocols = protocols.baseAddress
                        offer.protocol_count = protocols.count
                        offer.deflate = offersDeflate ? terms : nil
                        offer.headers = fields.baseAddress
                        offer.header_count = fields.count
                        return body(&offer)
                    }
                }
            }
        }
    }

    /// A request with a key of its own.
    mutating func request() throws(HandshakeFailure) -> HeldBytes {
        var key = cws_handshake_key()
        let bytes = try write { buffer, size in
            withOffer { cws_handshake_request_write($0, &key, buffer, size) }
        }
        self.key = key
        return bytes
    }

    func judge(_ head: HTTPHead) throws(HandshakeFailure) -> cws_agreement {
        var agreement = cws_agreement()
        var key = key
        let result = head.withC { buffer, head in
            withOffer { cws_handshake_response_judge(buffer, head, $0, &key, &agreement) }
        }
        guard result == 0 else { throw HandshakeFailure(code: result) }
        return agreement
    }
}

/// What a server answers with, in place of a WebSocket or to begin one.
package struct Refusal: Equatable, Sendable {
    package let status: UInt16
    package let reason: String
    /// For people: one line or more.
    package let text: String
    package let headers: [HTTPField]

    package init(status: UInt16, reason: String, text: String, headers: [HTTPField] = []) {
        self.status = status
        self.reason = reason
        self.text = text
        self.headers = headers
    }

    func response() throws(HandshakeFailure) -> HeldBytes {
        let texts = CTexts()
        let fields = headers.map(texts.header)
        return try write { buffer, size in
            withExtendedLifetime(texts) {
                fields.withUnsafeBufferPointer { fields in
                    var refusal = cws_refusal()
                    refusal.status = status
                    refusal.reason = texts.bytes(reason)
                    refusal.text = texts.bytes(text)
                    refusal.headers = fields.baseAddress
                    refusal.header_count = fields.count
                    return cws_handshake_refusal_write(&refusal, buffer, size)
                }
            }
        }
    }
}

/// The server's part of an opening handshake.
package struct ServerHandshake: Sendable {
    /// The one liked best first.
    package var subprotocols: [String] = []
    package var allowsDeflate = true

    package init() {}

    private func withPolicy<T>(_ body: (UnsafePointer<cws_server_policy>) -> T) -> T {
        let texts = CTexts()
        let protocols = subprotocols.map(texts.bytes)
        var deflate = cws_deflate_policy()
        deflate.limits.client_max_window_bits = UInt8(CWS_WINDOW_BITS_MAX)
        deflate.limits.server_max_window_bits = UInt8(CWS_WINDOW_BITS_MAX)
        return withExtendedLifetime(texts) {
            withUnsafePointer(to: &deflate) { deflate in
                protocols.withUnsafeBufferPointer { protocols in
                    var policy = cws_server_policy()
                    policy.protocols = protocols.baseAddress
                    policy.protocol_count = protocols.count
                    policy.deflate = allowsDeflate ? deflate : nil
                    return body(&policy)
                }
            }
        }
    }

    /// Judges a request and answers its offers.
    func negotiate(_ head: HTTPHead) throws(HandshakeFailure) -> cws_server_answer {
        var answer = cws_server_answer()
        let result = head.withC { buffer, head in
            withPolicy { cws_handshake_negotiate(buffer, head, $0, &answer) }
        }
        guard result == 0 else { throw HandshakeFailure(code: result) }
        return answer
    }

    /// The response that begins the WebSocket.
    func response(_ answer: cws_server_answer, headers: [HTTPField]) throws(HandshakeFailure) -> HeldBytes {
        let texts = CTexts()
        let fields = headers.map(texts.header)
        var answer = answer
        return try write { buffer, size in
            withExtendedLifetime(texts) {
                fields.withUnsafeBufferPointer { fields in
                    withPolicy { policy in
                        cws_handshake_response_write(&answer, policy, fields.baseAddress, fields.count, buffer, size)
                    }
                }
            }
        }
    }
}
