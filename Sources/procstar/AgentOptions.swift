internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// The options of an agent: whom it serves and how it gets there.
struct AgentOptions: Equatable {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    var host: String
    var port: UInt16 = 59789
    var groupID = "default"
    /// Nil for a random one.
    var connID: String?

    /// The folder of what outlives the agent; nil for one that is found by ``connID``, and goes with the agent.
    var stateDirectory: String?
    /// Whether processes are a keeper's children, and outlive the agent.
    var usesKeeper = true
    /// How long a keeper waits for an agent when nothing runs.
    var keep = AgentOptions.shortKeep
    /// That this program has taken the place of another one, which has started what ``input`` names.
    var succession: Succession?

    var reconnect = Reconnect.Limits()
    /// A connection on which nothing at all arrives for this long is given up.
    var readTimeout = Interval.seconds(60)
    /// The longest message that is taken from the server.
    var maxMessage = 64 << 20
    var compression = WebSocketConnection.Compression.auto

    /// The file that the access token is read from, where one is named.
    var tokenFile: String?
    /// The file of trust anchors beyond the system's.
    var certificate: String?
    /// Where systemd has put what `LoadCredential=` names.
    var credentialsDirectory: String?

    /// Whether to exit when every process has been deleted.
    var wait = false
    /// With ``wait``: how long the first work may take to come.
    var waitTimeout = Interval.seconds(600)

    /// Processes to start at the beginning.
    var input: Input?
    var delivery = DeliveryOptions()
    var engine = EngineOptions()

    /// Whether nothing is to be started at the beginning, because the program before this one did.
    var isUpgrade: Bool { succession != nil }

    /// Where nobody knows where to look for the keeper, but who looks for this very agent.
    static let shortKeep = Interval.seconds(60)
    /// Where the next agent finds it, however late somebody starts it.
    static let longKeep = Interval.seconds(86400)

    /// What is not heard for this long is asked for: well before the read timeout, so that a quiet server isn't taken
    /// for a dead one.
    var pingInterval: Interval {
        min(.seconds(20), Interval(nanoseconds: readTimeout.nanoseconds / 3))
    }

    /// Where token and trust anchors are read from, at the start and again at SIGHUP.
    var credentialSources: AgentCredentials.Sources {
        AgentCredentials.Sources(
            tokenFile: tokenFile, certificate: certificate, credentialsDirectory: credentialsDirectory)
    }
}
