import CWebSocket
import TestSupport
import Testing

/// Peers that keep to the letter of the protocol, and make trouble all the same.
@Suite struct TLSAwkwardPeerTests {
    /// A ticket that holds the client's certificate doesn't fit into a record of 512 bytes, so between two of them
    /// OpenSSL neither encrypts nor closes.
    @Test(arguments: [false, true])
    func aMessageInPiecesHoldsUpWhatIsSentAndNoMore(closes: Bool) throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(
            certificates.server, anchor: certificates.anchor,
            ["-rev", "-tls1_3", "-Verify", "1", "-max_send_frag", "512"])
        let context = try TLSContext(
            trusting: certificates.anchor, certificate: certificates.client.certificate, key: certificates.client.key)
        let socket = TLSSocket(try TLSEnd(context, host: "localhost"), connectingTo: server.port)
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })

        var held = false
        var sent = ""
        while !held {
            let bytes = socket.receive()
            try #require(!bytes.isEmpty)
            for byte in bytes {
                socket.end.feed([byte])
                if held { continue }
                if socket.end.send("x") == 1 {
                    sent += "x"
                } else {
                    held = true
                    #expect(socket.end.state == CWS_TLS_OPEN && socket.end.reason.isEmpty)
                    if closes {
                        let size = socket.end.outputSize
                        socket.end.close()
                        #expect(socket.end.state == CWS_TLS_WE_CLOSED && socket.end.outputSize == size)
                    }
                }
            }
        }
        if closes {
            socket.runToEnd()
            #expect(server.program.finish().exitCode == 0)
        } else {
            _ = socket.end.send("y\n")
            #expect(socket.run { socket.end.plain == Array("y\(sent)\n".utf8) }, "\(socket.end.reason)")
        }
    }

    /// A server that asks for a renegotiation again and again, and never reads.
    static let flooder = """
        #include <openssl/ssl.h>
        #include <signal.h>
        #include <unistd.h>

        int main(int argc, char **argv)
        {
            signal(SIGPIPE, SIG_IGN);
            SSL_CTX *context = SSL_CTX_new(TLS_server_method());
            SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
            if (argc != 4 || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
                SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
                return 1;
            SSL *ssl = SSL_new(context);
            BIO *transport = BIO_new_connect(argv[3]);
            SSL_set_bio(ssl, transport, transport);
            if (BIO_do_connect(transport) != 1 || SSL_accept(ssl) != 1)
                return 2;
            for (int i = 0; i < 100000; i++)
                if (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1)
                    break;
            /* The end of this process would throw away what hasn't been read. */
            pause();
            return 0;
        }
        """

    /// Our end of a connection with the program above, which has begun.
    static func flooded(in folder: TemporaryDirectory) throws -> (socket: TLSSocket, peer: ProgramRun) {
        let certificates = try TLSCertificates.shared()
        let listener = TLSListener()
        let program = try Compiler.build(flooder, in: folder, libraries: ["ssl", "crypto"])
        let peer = try ProgramRun([
            program, folder.write(certificates.server.certificate, to: "chain"),
            folder.write(certificates.server.key, to: "key"), "127.0.0.1:\(listener.port)",
        ])
        let client = try TLSContext(trusting: certificates.anchor)
        let socket = listener.accept(try TLSEnd(client, host: "localhost"))
        try #require(socket.run { socket.end.state == CWS_TLS_OPEN }, "\(socket.end.reason)")
        return (socket, peer)
    }

    @Test(.enabled(if: Compiler.isThere))
    func aPeerThatAsksAndDoesNotReadIsLeft() throws {
        let folder = TemporaryDirectory()
        let (socket, peer) = try Self.flooded(in: folder)
        while socket.end.failure == nil {
            let bytes = socket.receive(flushing: false)
            try #require(!bytes.isEmpty)
            socket.end.feed(bytes)
            #expect(socket.end.outputSize <= Int(CWS_TLS_OUTPUT_MAX))
        }
        #expect(socket.end.failure == CWS_TLS_ERR_FLOOD)
        #expect(socket.end.reason == "peer asks for answers and doesn't read them")
        withExtendedLifetime(peer) {}
    }

    /// A request is more bytes than the answer to it, so that what is left of the room tells how much can be taken.
    @Test(.enabled(if: Compiler.isThere))
    func aCloseThatFindsNoRoomFails() throws {
        let folder = TemporaryDirectory()
        let (socket, peer) = try Self.flooded(in: folder)
        var room: Int { Int(CWS_TLS_OUTPUT_MAX) - socket.end.outputSize }
        var answer = 0
        while answer == 0 || room >= answer {
            var bytes = socket.receive(flushing: false)[...]
            try #require(!bytes.isEmpty)
            while !bytes.isEmpty, answer == 0 || room >= answer {
                let before = room
                let piece = bytes.prefix(answer == 0 ? 1 : max(room - 64, 1))
                socket.end.feed(piece)
                bytes = bytes.dropFirst(piece.count)
                if answer == 0 { answer = before - room }
            }
        }
        try #require(socket.end.failure == nil && room < answer)
        socket.end.close()
        #expect(socket.end.state == CWS_TLS_FAILED)
        #expect(socket.end.reason == "peer asks for answers and doesn't read them")
        withExtendedLifetime(peer) {}
    }
}
