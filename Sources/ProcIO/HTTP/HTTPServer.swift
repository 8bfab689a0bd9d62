internal import CLinux
internal import Glibc
package import ProcCore

/// An HTTP/1.1 server on the loop: RFC 9110 and 9112, without a word about what the resources are.
///
/// It calls its handler with each request as soon as the head is there, and waits for the answer as long as that takes.
/// When the object goes, all ends at once.
package final class HTTPServer {
    package typealias Handler = (HTTPRequest, HTTPResponder) -> Void

    private let guests: HTTPGuests
    private var listeners: [any HTTPDoor] = []

    /// - Parameters:
    ///   - files: Reads files that are to be sent and aren't in memory.
    ///   - notice: Told what an operator may want to know.
    ///   - handler: Answers requests; on the loop.
    package init(
        loop: EventLoop, files: Worker, settings: Settings = Settings(), notice: @escaping (Notice) -> Void = { _ in },
        handler: @escaping Handler
    ) {
        // As sendfile(2) into a connection that is gone would raise it.
        signal(SIGPIPE, SIG_IGN)
        guests = HTTPGuests(loop, files, settings, notice, handler)
        guests.isFull = { [weak self] in self?.listeners.forEach { $0.pause() } }
        guests.hasRoom = { [weak self] in self?.listeners.forEach { $0.resume() } }
    }

    deinit { close() }

    /// How many connections there are.
    package var connectionCount: Int { guests.count }

    /// Listens on a TCP port as well, at once.
    ///
    /// - Parameter tls: Asked for each connection, so that certificates can be renewed; nil for those in the clear.
    /// - Returns: The address, with the port that was chosen if that was to be 0.
    @discardableResult
    package func listen(
        on address: SocketAddress, tls: @escaping () -> TLSContext? = { nil }
    ) throws(SystemError) -> SocketAddress {
        let guests = guests
        let listener = try Listener(
            on: address, loop: guests.loop, settings: guests.settings.listener,
            trouble: { guests.notice(.cannotAccept($0)) }
        ) { connection in
            let peer = connection.peer
            guests.welcome(connection.takeDescriptor(), .address(peer), tls())
        }
        listeners.append(listener)
        return listener.localAddress
    }

    /// Listens on a Unix socket as well, at once; for its own user and root.
    package func listen(at path: String) throws(SystemError) {
        let guests = guests
        listeners.append(
            try UnixListener(
                at: path, loop: guests.loop, settings: guests.settings.listener,
                trouble: { guests.notice(.cannotAccept($0)) }
            ) { descriptor, peer in guests.welcome(descriptor, .local(peer), nil) })
    }

    /// No more connections come in. Those that are there go on.
    package func stopAccepting() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    /// Ends in order: no more connections; those on which nothing is under way end at once, the others when what is
    /// under way is answered, or when the grace is over.
    ///
    /// - Parameter then: Called once, on the loop and never before this returns, when no connection is left.
    package func finish(within grace: Interval, then: @escaping () -> Void) {
        stopAccepting()
        guests.finish(within: grace, then: then)
    }

    /// Ends at once.
    package func close() {
        stopAccepting()
        guests.close()
    }
}

/// Where connections come in.
private protocol HTTPDoor: AnyObject {
    func pause()
    func resume()
    func close()
}

extension Listener: HTTPDoor {}
extension UnixListener: HTTPDoor {}
