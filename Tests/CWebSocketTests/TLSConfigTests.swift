import CWebSocket
import TestSupport
import Testing

/// What contexts can't be made of, and what is said then.
@Suite struct TLSConfigTests {
    static let empty: [(text: String, problem: String)] = [
        ("", "no certificate in it"),
        ("neither head nor tail\n", "no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "block 1 in it is damaged (nothing inside)"),
        ("-----BEGIN CERTIFICATE-----\n", "block 1 in it is damaged (bad end line)"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "block 1 in it is damaged (bad end line)"),
        (
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "block 1 in it is damaged (bad base64 decode)"
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "block 1 in it is no certificate inside"
        ),
        ("-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n", "no certificate in it, only SOMETHING"),
    ]

    @Test(arguments: empty)
    func textWithoutACertificateIsRefusedWhereverItIs(text: String, problem: String) throws {
        let certificates = try TLSCertificates.shared()
        let good = certificates.server
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: problem)) { try TLSContext(trusting: text) }
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: problem)) {
            try TLSContext(server: good, clients: CWS_TLS_CLIENTS_OPTIONAL, anchors: text)
        }
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_CHAIN, text: problem)) {
            try TLSContext(certificate: text, key: good.key)
        }
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_CHAIN, text: problem)) {
            try TLSContext(trusting: certificates.anchor, certificate: text, key: good.key)
        }
    }

    @Test func aKeyInPlaceOfACertificateIsNamed() throws {
        let key = try TLSCertificates.shared().server.key
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: "no certificate in it, only PRIVATE KEY")) {
            try TLSContext(trusting: key)
        }
    }

    @Test func damageInTheMiddleIsFoundAndCounted() throws {
        let anchor = try TLSCertificates.shared().anchor
        let lines = anchor.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let shortened = (lines[..<3] + lines[4...]).joined(separator: "\n")
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: "block 2 in it is no certificate inside")) {
            try TLSContext(trusting: anchor + shortened + anchor)
        }
        let garbled = (lines[..<3] + ["not base64?"] + lines[3...]).joined(separator: "\n")
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: "block 2 in it is damaged (bad base64 decode)")) {
            try TLSContext(trusting: anchor + garbled + anchor)
        }
    }

    @Test func everyPrefixOfACertificateIsRefusedButThoseThatAreWhole() throws {
        let anchor = Array(try TLSCertificates.shared().anchor.utf8)
        // The last line's end may be missing.
        for count in 0..<(anchor.count - 1) {
            #expect(throws: TLSProblem.self) {
                try TLSContext(trusting: String(decoding: anchor[..<count], as: UTF8.self))
            }
        }
        _ = try TLSContext(trusting: String(decoding: anchor.dropLast(), as: UTF8.self))
    }

    @Test func certificatesWithTrailingBytesAreRefused() throws {
        let anchor = try TLSCertificates.shared().anchor
        let folder = TemporaryDirectory()
        try OpenSSL.run(
            ["x509", "-in", folder.write(anchor, to: "a.pem"), "-outform", "DER", "-out", folder.path("a.der")])
        let longer = try OpenSSL.run([
            "base64", "-in", folder.write(bytes: (contents(of: folder.path("a.der")) ?? []) + [0], to: "longer"),
        ])
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_ANCHORS, text: "block 1 in it is no certificate inside")) {
            try TLSContext(trusting: "-----BEGIN CERTIFICATE-----\n\(longer)-----END CERTIFICATE-----\n")
        }
    }

    static let noKeys: [(text: String?, problem: String)] = [
        (nil, "no private key in it"),
        ("", "no private key in it"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "block 1 in it is damaged (bad end line)"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "block 1 in it is no private key inside"
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
            "block 1 in it is no private key inside"
        ),
        (
            "-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n",
            "no private key in it, only other blocks"
        ),
    ]

    @Test(arguments: noKeys)
    func textWithoutAKeyIsRefused(text: String?, problem: String) throws {
        let certificates = try TLSCertificates.shared()
        let chain = certificates.server.certificate
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_KEY, text: problem)) {
            try TLSContext(certificate: chain, key: text)
        }
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_KEY, text: problem)) {
            try TLSContext(trusting: certificates.anchor, certificate: chain, key: text)
        }
    }

    @Test(arguments: [[], ["-traditional"]])
    func anEncryptedKeyIsRefused(options: [String]) throws {
        let server = try TLSCertificates.shared().server
        let folder = TemporaryDirectory()
        let key = try OpenSSL.run(
            ["pkey", "-in", folder.write(server.key, to: "key"), "-aes128", "-passout", "pass:secret"] + options)
        let problem = TLSProblem(
            code: CWS_TLS_ERR_KEY,
            text: "the private key in it is encrypted; `openssl pkey` writes it without pass phrase")
        #expect(throws: problem) { try TLSContext(certificate: server.certificate, key: key) }
    }

    @Test(arguments: ["ec", "rsa"])
    func keysInTheOldFormsAreRead(kind: String) throws {
        let certificates = try TLSCertificates.shared()
        let options = kind == "rsa" ? ["-newkey", "rsa:2048"] : nil
        let server = try certificates.root.issue(.init(names: ["DNS:localhost"], keyOptions: options))
        let folder = TemporaryDirectory()
        let key = try OpenSSL.run(["pkey", "-in", folder.write(server.key, to: "key"), "-traditional"])
        #expect(key.hasPrefix("-----BEGIN \(kind == "rsa" ? "RSA" : "EC") PRIVATE KEY-----"))
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor),
            try TLSContext(certificate: server.certificate, key: "-----BEGIN X-----\nAAAA\n-----END X-----\n" + key)
        ).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
    }

    @Test func certificateAndKeyMayBeOneText() throws {
        let certificates = try TLSCertificates.shared()
        let both = certificates.server.key + certificates.server.certificate
        let pair = try TLSPair(
            try TLSContext(trusting: both + certificates.anchor), try TLSContext(certificate: both, key: both)
        ).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
    }

    @Test func aKeyOfAnotherCertificateIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let problem = TLSProblem(
            code: CWS_TLS_ERR_KEY_MISMATCH, text: "the private key doesn't belong to the first certificate")
        #expect(throws: problem) {
            try TLSContext(certificate: certificates.server.certificate, key: certificates.client.key)
        }
        #expect(throws: problem) {
            try TLSContext(
                certificate: certificates.anchor + certificates.server.certificate, key: certificates.server.key)
        }
    }

    @Test func weakKeysAreRefused() throws {
        let root = try TLSCertificates.shared().root
        let weak = try root.issue(.init(names: ["DNS:localhost"], keyOptions: ["-newkey", "rsa:1024"]))
        let first = TLSProblem(
            code: CWS_TLS_ERR_CHAIN, text: "its first certificate can't be used: ee key too small")
        #expect(throws: first) { try TLSContext(server: weak) }
        let server = try TLSCertificates.shared().server
        let later = TLSProblem(
            code: CWS_TLS_ERR_CHAIN, text: "one of its certificates can't be used: ca key too small")
        #expect(throws: later) {
            try TLSContext(certificate: server.certificate + weak.certificate, key: server.key)
        }
    }

    @Test func aClientThatTrustsNobodyIsRefused() {
        let problem = TLSProblem(
            code: CWS_TLS_ERR_CONFIG, text: "neither the system's roots nor any other anchor to trust")
        #expect(throws: problem) { try TLSContext(trusting: nil) }
    }

    @Test func theSystemsRootsDontTrustATestCA() throws {
        let certificates = try TLSCertificates.shared()
        let server = try TLSContext(server: certificates.server)
        let roots = try TLSPair(try TLSContext(trusting: nil, systemRoots: true), server).shaken()
        #expect(roots.client.failure == CWS_TLS_ERR_UNTRUSTED)
        let both = try TLSPair(try TLSContext(trusting: certificates.anchor, systemRoots: true), server).shaken()
        #expect(both.client.state == CWS_TLS_OPEN)
    }

    @Test func anchorsForClientsBelongToTheQuestionForThem() throws {
        let certificates = try TLSCertificates.shared()
        let without = TLSProblem(
            code: CWS_TLS_ERR_CONFIG, text: "client certificates are asked for, without anchors to trust")
        #expect(throws: without) { try TLSContext(server: certificates.server, clients: CWS_TLS_CLIENTS_REQUIRED) }
        let unasked = TLSProblem(
            code: CWS_TLS_ERR_CONFIG, text: "anchors for client certificates, which aren't asked for")
        #expect(throws: unasked) { try TLSContext(server: certificates.server, anchors: certificates.anchor) }
    }

    @Test func aServerNeedsACertificate() throws {
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_CHAIN, text: "no certificate in it")) {
            try TLSContext(certificate: nil, key: try TLSCertificates.shared().server.key)
        }
    }
}
