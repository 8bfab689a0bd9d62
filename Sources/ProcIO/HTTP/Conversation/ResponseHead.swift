/// How the end of a response's body is told.
enum ResponseFraming: Equatable {
    /// There is none, whatever the fields say.
    case none
    case length(UInt64)
    case chunked
    /// By the end of the connection.
    case toClose
}

/// What stands above a response's body.
struct ResponseHead {
    let status: UInt16
    /// Without those that are about the connection and the framing, which are added.
    let fields: [HTTPField]
    /// As the `Date` field has it.
    let date: [UInt8]
    let framing: ResponseFraming
    let connection: ConnectionField

    enum ConnectionField {
        /// As the client expects anyway.
        case unsaid
        case close
        case keepAlive
    }

    /// Writes it, or nothing when one of the fields holds what would end it: what comes behind a line break there would
    /// be taken for a field or a response.
    func write(to queue: inout ByteQueue) -> Bool {
        let before = queue.count
        if status == 200 {
            queue.append("HTTP/1.1 200 OK\r\nDate: " as StaticString)
        } else {
            queue.append("HTTP/1.1 " as StaticString)
            queue.append(UInt64(status))
            queue.append(" " as StaticString)
            queue.append(HTTPStatus.phrase(status))
            queue.append("\r\nDate: " as StaticString)
        }
        queue.append(date)
        queue.append("\r\n" as StaticString)
        for field in fields where !write(field, to: &queue) {
            queue.removeLast(queue.count - before)
            return false
        }
        switch framing {
        case .length(let length):
            queue.append("Content-Length: " as StaticString)
            queue.append(length)
            queue.append("\r\n" as StaticString)
        case .chunked: queue.append("Transfer-Encoding: chunked\r\n" as StaticString)
        case .none, .toClose: break
        }
        switch connection {
        case .close: queue.append("Connection: close\r\n" as StaticString)
        case .keepAlive: queue.append("Connection: keep-alive\r\n" as StaticString)
        case .unsaid: break
        }
        queue.append("\r\n" as StaticString)
        return true
    }

    private func write(_ field: HTTPField, to queue: inout ByteQueue) -> Bool {
        let before = queue.count
        queue.append(field.name)
        let named = queue.count - before
        queue.append(": " as StaticString)
        queue.append(field.value)
        let bytes = UnsafeBufferPointer(rebasing: queue.bytes[before...])
        guard named > 0, !bytes[..<named].contains(where: { $0 <= UInt8(ascii: " ") || $0 == UInt8(ascii: ":") }),
            !bytes.contains(where: { ($0 < UInt8(ascii: " ") && $0 != UInt8(ascii: "\t")) || $0 == 0x7f })
        else { return false }
        queue.append("\r\n" as StaticString)
        return true
    }
}
