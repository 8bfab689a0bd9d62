package import ProcCore

/// Whom a ``ByteStream`` tells what it read, and asks what to write. All calls come on the loop.
package protocol ByteStreamOwner: AnyObject {
    /// Bytes may flow: at once, or when the TLS handshake is done.
    func streamOpened()
    /// The next bytes, lent for the call. They may be changed in place.
    func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>)
    /// The peer sends no more. Answer with ``ByteStream/finish()`` or ``ByteStream/close()``, now or later.
    func streamPeerFinished()
    /// What is to be written now, lent until the next call of the owner; empty for nothing.
    func streamOutput() -> UnsafeBufferPointer<UInt8>
    /// In the clear, where there is nothing else: bytes of a file that are to be sent now.
    func streamFile() -> FileSlice?
    /// So much of it is taken.
    func streamWrote(_ count: Int)
    /// The last call: the socket is closed.
    func streamEnded(_ end: ByteStream.End)
}

extension ByteStreamOwner {
    package func streamFile() -> FileSlice? { nil }
}

/// Bytes of a file that is in memory. Its owner keeps the descriptor open until they are sent.
package struct FileSlice {
    package let descriptor: CInt
    package let offset: UInt64
    package let count: Int
}

extension ByteStream {
    /// How a stream ended by itself.
    package enum End: Equatable, CustomStringConvertible {
        /// Both directions in order.
        case finished
        case failed(SystemError)
        case tls(TLSFailure)

        package var description: String {
            switch self {
            case .finished: "connection closed"
            case .failed(let error): error.description
            case .tls(let failure): "TLS: \(failure)"
            }
        }
    }

    /// Scratch memory for reading, shared by all streams of a loop: it is used within one call only.
    package final class Scratch {
        /// Also what is taken from a socket at a time.
        let incoming: UnsafeMutableBufferPointer<UInt8>
        let plain: UnsafeMutableBufferPointer<UInt8>

        package init() {
            incoming = .allocate(capacity: 128 << 10)
            plain = .allocate(capacity: 64 << 10)
        }

        deinit {
            incoming.deallocate()
            plain.deallocate()
        }
    }
}
