import CWebSocket
import Testing

/// Heads in which a byte is another: nothing outside of them is read, and no agreement comes of them that was not
/// offered.
@Suite struct HandshakeMutationTests {
    static let replacements: [UInt8] = Array("\0\t\n\r \"%,-/01289:;=ADQ\\aw~".utf8) + [0x7f, 0x80, 0xff]

    static func eachMutation(of text: String, _ body: (_ bytes: [UInt8], _ text: String) -> Void) {
        let bytes = Array(text.utf8)
        for at in bytes.indices {
            for replacement in replacements where replacement != bytes[at] {
                var mutated = bytes
                mutated[at] = replacement
                body(mutated, String(decoding: mutated, as: UTF8.self))
            }
        }
    }

    static let deflate = cws_deflate_terms.terms(
        clientNoTakeover: true, serverNoTakeover: true, client: 12, server: 10)

    /// The parameters of the list's first member, read without the library; nil when it isn't permessage-deflate.
    static func firstOffer(in text: String) -> SeenAgreement.Deflate? {
        guard
            let line = text.split(separator: "\r\n").first(where: {
                $0.lowercased().hasPrefix("sec-websocket-extensions:")
            }),
            let member = line.drop(while: { $0 != ":" }).dropFirst().split(separator: ",").first
        else { return nil }
        let parts = member.filter { !" \t\"\\".contains($0) }.split(separator: ";")
        guard parts.first == "permessage-deflate" else { return nil }
        var deflate = SeenAgreement.Deflate()
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=")
            switch pair[0] {
            case "client_no_context_takeover": deflate.clientNoContextTakeover = true
            case "server_no_context_takeover": deflate.serverNoContextTakeover = true
            // Without a value it is whole; the server's is declined then.
            case "client_max_window_bits": deflate.clientMaxWindowBits = pair.count == 1 ? 15 : UInt8(pair[1]) ?? 0
            case "server_max_window_bits": deflate.serverMaxWindowBits = pair.count == 1 ? 0 : UInt8(pair[1]) ?? 0
            default: return nil
            }
        }
        return deflate
    }

    @Test func aServerAgreesOnlyToWhatTheRequestSays() {
        let offer = ClientOffer(host: "h", target: "/", protocols: ["chat", "other"], deflate: Self.deflate)
        let policy = ServerPolicy(protocols: ["chat", "other"], deflate: .policy())
        var agreements: [Bool: Int] = [:]
        Self.eachMutation(of: offer.request().written.text) { bytes, text in
            guard let (judgement, answer) = policy.negotiate(bytes) else { return }
            agreements[judgement.error == 0, default: 0] += 1
            guard let agreement = judgement.agreement else { return }
            if agreement.subprotocol >= 0 {
                #expect(text.contains(policy.protocols[Int(agreement.subprotocol)]))
            }
            guard let deflate = agreement.deflate else { return }
            #expect(deflate == Self.firstOffer(in: text), "\(text)")
            let response = policy.response(to: answer).text
            #expect(response.hasSuffix("\r\n\r\n") && response.split(separator: "\r\n").count <= 6)
        }
        #expect(agreements[true, default: 0] > 0 && agreements[false, default: 0] > 0, "\(agreements)")
    }

    @Test func aClientAgreesOnlyToWhatItOffered() {
        let offer = ClientOffer(protocols: ["chat"], deflate: Self.deflate)
        let response = HandshakeResponseTests.response(
            HandshakeResponseTests.switching + [
                HandshakeResponseTests.accept, "Sec-WebSocket-Protocol: chat",
                "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover; "
                    + "client_max_window_bits=12; server_max_window_bits=10",
            ])
        var agreements: [Bool: Int] = [:]
        Self.eachMutation(of: String(decoding: response, as: UTF8.self)) { bytes, text in
            guard let judgement = offer.judge(bytes) else { return }
            agreements[judgement.error == 0, default: 0] += 1
            guard let agreement = judgement.agreement else { return }
            #expect(text.contains(SampleKey.accept))
            let saysChat = text.lowercased().contains(/sec-websocket-protocol:[ \t]chat\r\n/)
            #expect(agreement.subprotocol == (saysChat ? 0 : -1), "\(text)")
            guard let deflate = agreement.deflate else { return }
            #expect(text.contains("permessage-deflate"))
            #expect(deflate.clientNoContextTakeover && deflate.serverNoContextTakeover)
            #expect(deflate.clientMaxWindowBits <= 12 && deflate.serverMaxWindowBits <= 10)
        }
        #expect(agreements[true, default: 0] > 0 && agreements[false, default: 0] > 0, "\(agreements)")
    }
}
