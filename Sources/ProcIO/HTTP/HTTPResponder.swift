/// What answers one request, now or later; on the loop.
///
/// Whoever lets go of it without an answer has the client told so, with status 500.
package final class HTTPResponder {
    private let connection: HTTPConnection
    private let exchange: UInt64

    init(_ connection: HTTPConnection, _ exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    deinit { connection.abandon(exchange) }

    /// Whether an answer is still wanted: not after one, nor when the connection is gone.
    package var isOpen: Bool { connection.isUnanswered(exchange) }

    /// Has `action` called once, unless the answer is complete before, when the client has gone: nothing more can be
    /// expected to be of use, though an answer will be tried (a client may have closed its own direction only).
    package func onDisconnect(_ action: @escaping () -> Void) { connection.onDisconnect(exchange, action) }

    // MARK: The request's body

    /// Has `then` called with the whole body, when it has come: never before this returns. If it doesn't come, or is too
    /// large, the client is told, and `then` isn't called.
    ///
    /// - Parameter limit: The most that it may have; nil for the server's ``HTTPServer/Settings/bodyLimit``.
    package func collectBody(upTo limit: Int? = nil, then: @escaping ([UInt8]) -> Void) {
        connection.collectBody(exchange, limit, then)
    }

    /// Has the body handed on as it comes: never before this returns. Then ``pauseBody()`` and ``resumeBody()`` hold it
    /// up, in the client's end at last.
    ///
    /// - Parameters:
    ///   - piece: Lent for the call.
    ///   - ended: Called once with whether all has come. The client has been told where it hasn't, if nothing had been
    ///     answered.
    package func receiveBody(
        upTo limit: UInt64 = .max, piece: @escaping (UnsafeBufferPointer<UInt8>) -> Void,
        ended: @escaping (_ isComplete: Bool) -> Void
    ) {
        connection.receiveBody(exchange, limit, piece, ended)
    }

    package func pauseBody() { connection.pauseBody(exchange, true) }
    package func resumeBody() { connection.pauseBody(exchange, false) }

    // MARK: The answer

    /// Answers. Nothing happens when no answer is wanted any more.
    package func respond(_ response: HTTPResponse) { connection.respond(exchange, response) }

    /// Begins an answer whose body is made while it is sent. Look at ``HTTPOutput/isOpen`` first: for HEAD it isn't, and
    /// all is done.
    ///
    /// - Parameter length: Of the body, where it is known.
    package func stream(_ status: UInt16, _ fields: [HTTPField], length: UInt64? = nil) -> HTTPOutput {
        connection.stream(exchange, status, fields, length: length)
        return HTTPOutput(connection, exchange)
    }
}

/// A response's body that is made while it is sent.
///
/// Whoever lets go of it before its end breaks the connection, as ``cut()`` does.
package final class HTTPOutput {
    private let connection: HTTPConnection
    private let exchange: UInt64

    fileprivate init(_ connection: HTTPConnection, _ exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    deinit { cut() }

    /// Whether anybody takes more: not after the end, nor when the client has gone or asked for the head only.
    package var isOpen: Bool { connection.isStreaming(exchange) }

    /// Sends more of it. All is taken; what is given when ``isOpen`` doesn't hold is dropped.
    ///
    /// - Returns: Whether there is room for more. If not, the giver has to wait until it is called by ``onRoom(_:)``: one
    ///   that goes on all the same is cut off.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool { connection.write(exchange, bytes) }

    /// Has `action` called each time that there is room again after there was none.
    package func onRoom(_ action: @escaping () -> Void) { connection.onRoom(exchange, action) }

    /// Has `action` called once, unless the body ends before, when the client has gone.
    package func onDisconnect(_ action: @escaping () -> Void) { connection.onDisconnect(exchange, action) }

    /// All is written. A body that is shorter than its length is cut.
    package func end() { connection.end(exchange) }

    /// Breaks the connection, so that the client knows that this isn't all.
    package func cut() { connection.cut(exchange) }
}
