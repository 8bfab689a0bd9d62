package import ProcCore

/// A TCP connection that has been made: non-blocking, close-on-exec, with TCP_NODELAY. Whoever has it owns it.
package struct Connection: ~Copyable, Sendable {
    package let descriptor: OwnedFD
    /// The other end.
    package let peer: SocketAddress

    package init(_ descriptor: consuming OwnedFD, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
    }

    /// The descriptor alone. (Swift takes parts out of such a value in the module that defines it only.)
    package consuming func takeDescriptor() -> OwnedFD { descriptor }
}
