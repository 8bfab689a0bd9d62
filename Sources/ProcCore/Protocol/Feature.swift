/// Something beyond the protocol that both ends have to agree on: the agent offers it in `Register`, the server
/// takes it up in `Registered`. Names that the other end doesn't know mean nothing to it.
package enum Feature: String, CaseIterable, Sendable {
    /// The server subscribes to a process and gets results and output without asking again; see ``Subscription``.
    case push
}
