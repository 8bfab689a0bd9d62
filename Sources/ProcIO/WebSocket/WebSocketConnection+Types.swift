internal import CWebSocket
package import ProcCore

// What goes into a connection and comes out of it.
extension WebSocketConnection {
    /// What kind of message.
    package enum Opcode: Sendable {
        case text, binary

        var code: cws_opcode { self == .text ? CWS_OPCODE_TEXT : CWS_OPCODE_BINARY }
    }

    /// A message or, where ``Options/wholeMessages`` is off, the next piece of one.
    package struct Message {
        package let opcode: Opcode
        /// Valid UTF-8 in a text; a piece of one may end within a character. Lent for the call of the handler.
        package let bytes: UnsafeBufferPointer<UInt8>
        package let isFirst: Bool
        package let isLast: Bool
    }

    /// Why the peer, or we, closed: RFC 6455, section 7.4.
    package struct CloseReason: Equatable, CustomStringConvertible, Sendable {
        /// 1005 where there was none.
        package let code: UInt16
        package let text: String

        package init(code: UInt16, text: String = "") {
            self.code = code
            self.text = text
        }

        package var description: String { text.isEmpty ? "code \(code)" : "code \(code): \(text)" }
    }

    /// How the connection ended.
    package enum End: Equatable, CustomStringConvertible {
        /// With close frames both ways; the reason is that of whoever sent the first.
        case closed(CloseReason, byPeer: Bool)
        /// The peer broke the protocol, which it was told with this code.
        case protocolError(reason: String, code: UInt16)
        /// Without close frames.
        case lost(ByteStream.End)
        /// Nothing at all came for this long.
        case silent(Interval)
        /// The peer took nothing of what was to be sent before the close, or didn't answer it, for this long.
        case closeTimedOut(Interval)

        package var description: String {
            switch self {
            case .closed(let reason, byPeer: true): "closed by the peer with \(reason)"
            case .closed(let reason, byPeer: false): "closed with \(reason)"
            case .protocolError(let reason, let code): "\(reason); closed with code \(code)"
            case .lost(.finished): "the peer ended the connection without closing it"
            case .lost(let end): end.description
            case .silent(let interval): "nothing received for \(interval.shortText)"
            case .closeTimedOut(let interval): "the peer did not close for \(interval.shortText)"
            }
        }
    }

    /// What is told to the user of a connection.
    package struct Handlers {
        package var received: (Message) -> Void = { _ in }
        /// The queue, which was full, has room again.
        package var hasRoom: () -> Void = {}
        package var pong: ([UInt8]) -> Void = { _ in }
        /// The last call.
        package var ended: (End) -> Void = { _ in }

        package init() {}
    }

    package struct Options: Sendable {
        /// Messages come whole rather than in pieces as they arrive.
        package var wholeMessages = true
        /// Longest message that is taken, in bytes, decompressed; nil for any, which ``wholeMessages`` can't have.
        package var maxMessage: UInt64? = 64 << 20
        /// How many bytes of messages may wait to be sent, each with 256 bytes for itself. One that is longer may wait
        /// alone. Besides, up to 256 KiB of frames wait, and over TLS as much again.
        package var maxQueue = 16 << 20
        /// A ping is sent when nothing was received for this long; nil for never.
        package var pingInterval: Interval? = .seconds(20)
        /// The connection ends when nothing at all was received for this long; nil for never. A peer that is slow to take
        /// what was sent is not silent as long as it takes some.
        package var readTimeout: Interval? = .seconds(60)
        /// How long the peer has for its part of closing, at most twice that after it last took something that we sent.
        package var closeTimeout = Interval.seconds(10)

        package init() {}
    }

    /// What becomes of a message that is to be sent.
    package enum SendResult: Equatable, Sendable {
        case taken
        /// Nothing of it was taken; ``Handlers/hasRoom`` will tell when to try again.
        case full
        /// Nothing can be sent any more.
        case closed
    }

    /// When to compress a message, where permessage-deflate is agreed on.
    package enum Compression: String, CaseIterable, Sendable {
        case on, off
        /// When it is likely to pay: by the size, and by a look at the first bytes.
        case auto

        var code: cws_compression {
            switch self {
            case .off: CWS_COMPRESSION_OFF
            case .on: CWS_COMPRESSION_ON
            case .auto: CWS_COMPRESSION_AUTO
            }
        }
    }
}
