internal import CWebSocket

/// The C library's connection: frames as bytes in, events and bytes out.
final class FrameEngine {
    /// An error of the C library, with what it means.
    struct Failure: Error {
        let code: cws_error

        init(_ result: Int) { code = cws_error(rawValue: CInt(result)) }

        var reason: String { String(cString: cws_error_reason(code)) }
        var closeCode: UInt16 { cws_error_close_code(code) }
    }

    private let handle: OpaquePointer

    init(role: cws_role, agreement: cws_agreement, options: WebSocketConnection.Options) {
        var config = cws_connection_config()
        config.role = role
        config.agreement = agreement
        config.whole_messages = options.wholeMessages
        config.max_frame = .max
        config.max_message = options.maxMessage ?? .max
        // Out of memory is not a condition that this process can report, let alone survive.
        guard let handle = cws_connection_new(&config) else { fatalError("out of memory") }
        self.handle = handle
    }

    deinit { cws_connection_free(handle) }

    var state: cws_state { cws_connection_state(handle) }

    // MARK: Receiving

    /// The next event; drops what it took from the front of `bytes`. Nil when all is taken and more is needed.
    func receive(_ bytes: inout UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> cws_event? {
        // A frame may have more to give when no bytes are left.
        var nothing: UInt8 = 0
        var event = cws_event()
        var taken = 0
        let result =
            if let start = bytes.baseAddress {
                cws_receive(handle, start, bytes.count, &taken, &event)
            } else {
                cws_receive(handle, &nothing, 0, &taken, &event)
            }
        bytes = .init(rebasing: bytes[taken...])
        guard result == 0 else { throw Failure(Int(result)) }
        return event.kind == CWS_EVENT_NONE ? nil : event
    }

    // MARK: Sending

    var hasRoom: Bool { cws_has_room(handle) }

    /// Whether the message was taken; not when there is no room for it now.
    func send(
        _ opcode: cws_opcode, _ bytes: [UInt8], _ compression: cws_compression
    ) throws(Failure) -> Bool {
        let result = bytes.withUnsafeBufferPointer { bytes in
            bytes.withNonnullStart { cws_send(handle, opcode, $0, bytes.count, compression) }
        }
        if result == CWS_ERR_FULL.rawValue || result == CWS_ERR_TOO_BIG.rawValue { return false }
        guard result == 0 else { throw Failure(Int(result)) }
        return true
    }

    func begin(_ opcode: cws_opcode, length: UInt64?, _ compression: cws_compression) throws(Failure) {
        let result = cws_message_begin(handle, opcode, length ?? .max, compression)
        guard result == 0 else { throw Failure(Int(result)) }
    }

    /// How many of the bytes were taken; none when there is no room.
    func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(Failure) -> Int {
        let result = bytes.withNonnullStart { cws_message_write(handle, $0, bytes.count) }
        guard result >= 0 else { throw Failure(result) }
        return result
    }

    func end() throws(Failure) {
        let result = cws_message_end(handle)
        guard result == 0 else { throw Failure(Int(result)) }
    }

    /// Whether there was room for it.
    func ping(_ payload: [UInt8]) -> Bool {
        payload.withUnsafeBufferPointer { bytes in
            bytes.withNonnullStart { cws_ping(handle, $0, bytes.count) } == 0
        }
    }

    /// Sends a close frame. A reason that is too long is cut.
    func close(code: UInt16, reason: String) {
        var reason = reason
        reason.withUTF8 { text in
            var close = cws_close()
            close.code = code
            close.reason = text.baseAddress
            close.reason_len = text.count
            let result = cws_close(handle, &close)
            precondition(
                result == 0 || result == CWS_ERR_MEMORY.rawValue || result == CWS_ERR_RANDOM.rawValue,
                "close with code \(code): \(Failure(Int(result)).reason)")
        }
    }

    // MARK: Output

    /// What is to be written, lent until the next call.
    var output: UnsafeBufferPointer<UInt8> {
        var bytes: UnsafePointer<UInt8>?
        let count = cws_output(handle, &bytes)
        return UnsafeBufferPointer(start: bytes, count: count)
    }

    func wrote(_ count: Int) { cws_wrote(handle, count) }
}

extension UnsafeBufferPointer<UInt8> {
    /// C wants a place even for no bytes.
    fileprivate func withNonnullStart<T>(_ body: (UnsafePointer<UInt8>) -> T) -> T {
        if let baseAddress { return body(baseAddress) }
        var nothing: UInt8 = 0
        return body(&nothing)
    }
}
