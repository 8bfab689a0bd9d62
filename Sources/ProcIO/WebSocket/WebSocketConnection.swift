internal import CWebSocket
package import ProcCore

/// A WebSocket connection (RFC 6455) on the loop, in either role, after its opening handshake.
///
/// Whoever made it holds it: a connection that is let go of closes at once, and calls no handler any more, also if that
/// happens in one. All handlers are called on the loop, none within a call of the one that set them.
package final class WebSocketConnection {
    private let live: LiveWebSocket
    /// The subprotocol that was agreed on.
    package let subprotocol: String?
    /// Whether permessage-deflate was agreed on.
    package let compresses: Bool
    /// Such as `TLSv1.3`; nil without TLS.
    package var tlsVersion: String? { live.stream.tls?.version }

    /// Takes the stream over.
    init(
        _ stream: ByteStream, loop: EventLoop, role: cws_role, agreement: cws_agreement, subprotocol: String?,
        options: Options
    ) {
        self.subprotocol = subprotocol
        compresses = agreement.deflate
        live = LiveWebSocket(stream, loop: loop, role: role, agreement: agreement, options: options)
    }

    deinit { live.abort() }

    package var handlers: Handlers {
        get { live.handlers }
        _modify { yield &live.handlers }
    }

    /// What came behind the handshake.
    func take(_ bytes: ArraySlice<UInt8>) { live.take(bytes) }

    /// Whether messages may be sent.
    package var isOpen: Bool { live.isOpen }

    /// Sends a message.
    @discardableResult
    package func send(_ opcode: Opcode, _ bytes: [UInt8], compression: Compression = .auto) -> SendResult {
        live.send(opcode, bytes, compression)
    }

    /// Sends a message whose content is made while it is sent, a piece at a time. Control frames go in between, other
    /// messages after it.
    ///
    /// - Parameter length: In bytes, where it is known; the source must then give exactly this many. What it throws
    ///   closes the connection with code 1011, and the peer is told it.
    @discardableResult
    package func send(
        _ opcode: Opcode, length: UInt64?, from source: any MessageSource, compression: Compression = .auto
    ) -> SendResult {
        live.send(opcode, length: length, from: source, compression)
    }

    /// A source that had nothing yet has more now.
    package func resume() { live.resume() }

    /// Whether a small message would be taken now. If not, ``Handlers/hasRoom`` will tell when.
    package func looksForRoom() -> Bool { live.looksForRoom() }

    /// What the system knows of the way to the peer; nil where it can't tell.
    package var link: LinkEstimate? { live.stream.link }

    /// Sends a ping of at most 125 bytes. Not when there is no room for it now.
    package func ping(_ payload: [UInt8] = []) { live.ping(payload) }

    /// Whether messages are read. What has already been taken from the socket comes even so. While it is off, silence
    /// is no reason to end, and the answer to a close isn't seen.
    package var readsInput: Bool {
        get { live.readsInput }
        set { live.readsInput = newValue }
    }

    /// Closes in order: after all that waits to be sent. Messages may come until the peer closes, too. A peer that
    /// takes nothing, or doesn't answer, is left after ``Options/closeTimeout``.
    package func close(_ reason: CloseReason = CloseReason(code: 1000)) { live.close(reason) }

    /// Ends at once, without a word to the peer or to the handlers.
    package func abort() { live.abort() }
}
