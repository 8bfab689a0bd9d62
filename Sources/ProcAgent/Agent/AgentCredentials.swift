package import ProcIO

/// What an agent needs to be let in and to know whom it talks to, as the files say it at one moment.
package struct AgentCredentials: Sendable {
    package let token: AccessToken
    package let tls: TLSContext

    /// Where they come from.
    package struct Sources: Equatable, Sendable {
        /// The file of the token, which must be there if it is named.
        package var tokenFile: String?
        /// A PEM file of trust anchors, beyond the system's.
        package var certificate: String?
        /// The folder of a systemd unit's credentials.
        package var credentialsDirectory: String?

        package init(tokenFile: String? = nil, certificate: String? = nil, credentialsDirectory: String? = nil) {
            self.tokenFile = tokenFile
            self.certificate = certificate
            self.credentialsDirectory = credentialsDirectory
        }
    }

    /// Why they can't be had: `access token: open /etc/token: Permission denied`.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let subject: String
        package let reason: String
        package var description: String { "\(subject): \(reason)" }

        static func anchors(_ reason: String) -> Problem { Problem(subject: "trust anchors", reason: reason) }
    }

    /// For those who don't trust the server's certificate.
    package static let trustAdvice =
        "if that is the right server, name a PEM file with its CA's or its own certificate "
        + "by --agent-cert or PROCSTAR_AGENT_CERT"

    /// Reads all files, also those that have been read before.
    ///
    /// - Parameter environmentToken: What ``AccessToken/wipeEnvironment()`` found at the start.
    package static func load(_ sources: Sources, environmentToken: [UInt8]?) throws(Problem) -> AgentCredentials {
        let token = try checkedToken(sources, environmentToken)
        return AgentCredentials(token: token, tls: try tls(sources))
    }

    /// Throws what ``load(_:environmentToken:)`` would throw, without the work that the system's trust anchors make.
    package static func check(_ sources: Sources, environmentToken: [UInt8]?) throws(Problem) {
        _ = try checkedToken(sources, environmentToken)
        if sources.certificate != nil { _ = try tls(sources, systemRoots: false) }
    }

    private static func checkedToken(_ sources: Sources, _ environmentToken: [UInt8]?) throws(Problem) -> AccessToken {
        do throws(AccessToken.Problem) {
            return try Self.token(sources, environmentToken: environmentToken)
        } catch {
            throw Problem(subject: "access token", reason: error.reason)
        }
    }

    package static func token(
        _ sources: Sources, environmentToken: [UInt8]?
    ) throws(AccessToken.Problem) -> AccessToken {
        try AccessToken.find(
            file: sources.tokenFile, credentialsDirectory: sources.credentialsDirectory, environment: environmentToken)
    }

    /// The trust that connections begin with: the system's, and what the file says.
    package static func tls(_ sources: Sources, systemRoots: Bool = true) throws(Problem) -> TLSContext {
        var anchors: TLSContext.PEM?
        if let path = sources.certificate {
            do throws(ConfigurationFile.Failure) {
                anchors = TLSContext.PEM(try ConfigurationFile(path: path, limit: anchorsLimit).bytes, from: path)
            } catch {
                throw .anchors("\(error)")
            }
        }
        do throws(TLSContext.ConfigurationError) {
            return try TLSContext(systemRoots: systemRoots, anchors: anchors)
        } catch {
            throw .anchors("\(error)")
        }
    }

    /// Ten times what all public CAs take.
    private static let anchorsLimit = 4 << 20
}
