/// A certificate and its private key, as PEM.
package struct TestCertificate: Sendable {
    /// With the certificates that lead to the root behind it, as a server or client shows them.
    package let certificate: String
    package let key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// How a certificate and what it is for are made.
    package struct Wish: Sendable {
        package var subject = "/O=procstar tests/CN=test"
        /// Of hosts, as in an openssl configuration: `DNS:localhost`, `IP:127.0.0.1`.
        package var names: [String] = []
        package var purpose = Purpose.server
        package var validity = Validity.now
        /// Options of `openssl req` for the kind of key.
        package var keyOptions = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

        package init(
            subject: String? = nil, names: [String] = [], purpose: Purpose = .server, validity: Validity = .now,
            keyOptions: [String]? = nil
        ) {
            if let subject { self.subject = subject }
            self.names = names
            self.purpose = purpose
            self.validity = validity
            if let keyOptions { self.keyOptions = keyOptions }
        }
    }

    package enum Purpose: Sendable { case server, client, authority }

    /// Exact instants, so that tests can look for them in texts.
    package enum Validity: Sendable {
        case now, past, future

        var options: [String] {
            switch self {
            case .now: ["-startdate", "20200101000000Z", "-enddate", "20991231235959Z"]
            case .past: ["-startdate", "20200101000000Z", "-enddate", "20210203040506Z"]
            case .future: ["-startdate", "20900102030405Z", "-enddate", "20991231235959Z"]
            }
        }
    }

    /// One that nobody vouches for. A server's is no CA.
    package static func selfSigned(_ wish: Wish) throws -> TestCertificate {
        try OpenSSL.certify(wish, by: nil)
    }
}

/// A certification authority that lives as long as a test.
package struct TestAuthority: Sendable {
    /// A root's own certificate; an intermediate's, and the chain to the root, which isn't in it.
    package let own: TestCertificate
    private let isRoot: Bool

    /// A root.
    package init(_ name: String = "Test Root", validity: TestCertificate.Validity = .now) throws {
        own = try .selfSigned(.init(subject: "/CN=\(name)", purpose: .authority, validity: validity))
        isRoot = true
    }

    private init(intermediate: TestCertificate) {
        own = intermediate
        isRoot = false
    }

    package func issue(_ wish: TestCertificate.Wish) throws -> TestCertificate {
        let issued = try OpenSSL.certify(wish, by: own)
        return isRoot ? issued : TestCertificate(certificate: issued.certificate + own.certificate, key: issued.key)
    }

    package func intermediate(_ name: String, validity: TestCertificate.Validity = .now) throws -> TestAuthority {
        TestAuthority(
            intermediate: try issue(.init(subject: "/CN=\(name)", purpose: .authority, validity: validity)))
    }
}

/// The real `openssl` command.
package enum OpenSSL {
    package static let path = "/usr/bin/openssl"

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    /// Runs it to its end; what it printed.
    @discardableResult
    package static func run(_ arguments: [String]) throws -> String {
        let ended = try ProgramRun([path] + arguments).finish()
        guard ended.exitCode == 0 else {
            throw Failure(description: "openssl \(arguments.joined(separator: " ")): \(ended.errorText)")
        }
        return ended.outputText
    }

    /// `openssl x509` of 3.0 can't set both ends of the validity; `openssl ca` can.
    package static func certify(_ wish: TestCertificate.Wish, by issuer: TestCertificate?) throws
        -> TestCertificate
    {
        let folder = TemporaryDirectory()
        let key = folder.path("own.key")
        let request = folder.path("own.csr")
        let certificate = folder.path("own.pem")
        let configuration = folder.write(configuration(wish, in: folder), to: "openssl.cnf")
        folder.write("", to: "index.txt")
        try run(
            ["req", "-new", "-nodes", "-config", configuration, "-subj", wish.subject, "-keyout", key, "-out", request]
                + wish.keyOptions)
        var issuing = ["-selfsign", "-keyfile", key]
        if let issuer {
            issuing = [
                "-cert", folder.write(issuer.certificate, to: "issuer.pem"), "-keyfile",
                folder.write(issuer.key, to: "issuer.key"),
            ]
        }
        try run(
            ["ca", "-batch", "-notext", "-config", configuration, "-in", request, "-out", certificate]
                + wish.validity.options + issuing)
        return TestCertificate(
            certificate: String(decoding: contents(of: certificate) ?? [], as: UTF8.self),
            key: String(decoding: contents(of: key) ?? [], as: UTF8.self))
    }

    private static func configuration(_ wish: TestCertificate.Wish, in folder: TemporaryDirectory) -> String {
        let extensions =
            switch wish.purpose {
            case .server: "basicConstraints = CA:false\nextendedKeyUsage = serverAuth"
            case .client: "basicConstraints = CA:false\nextendedKeyUsage = clientAuth"
            case .authority: "basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign"
            }
        let names = wish.names.isEmpty ? "" : "subjectAltName = \(wish.names.joined(separator: ", "))"
        return """
            [req]
            distinguished_name = any
            string_mask = utf8only
            utf8 = yes
            [ca]
            default_ca = this
            [this]
            database = \(folder.path("index.txt"))
            new_certs_dir = \(folder.path)
            rand_serial = yes
            default_md = sha256
            policy = any
            x509_extensions = extensions
            [any]
            organizationName = optional
            commonName = optional
            [extensions]
            \(extensions)
            \(names)

            """
    }
}
