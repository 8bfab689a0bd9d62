import CWebSocket
import Testing

/// The closing handshake, in all orders.
@Suite struct ConnectionCloseTests {
    @Test(arguments: cws_role.both)
    func thePeerMayBegin(role: cws_role) {
        let connection = Connection(role)
        #expect(
            connection.receive(Frame.close(1001, "bye").bytes(from: role.peer)) == [.close(1001, Array("bye".utf8))])
        #expect(connection.state == CWS_STATE_CLOSED)
        #expect(connection.drainFrames() == [.close(1001)])
        #expect(connection.close() == 0 && connection.output.isEmpty)
        #expect(connection.receive([0xff, 0xff]) == [] && connection.failure == 0)
    }

    @Test(arguments: cws_role.both)
    func weMayBeginAndMessagesStillCome(role: cws_role) {
        let connection = Connection(role)
        #expect(connection.close(4999, "é") == 0)
        #expect(connection.close(1000) == 0, "the second is none")
        #expect(connection.state == CWS_STATE_CLOSING)
        #expect(connection.drainFrames() == [.close(4999, "é")])
        #expect(
            connection.receive([Frame.text("late"), .ping()].bytes(from: role.peer)) == [.text("late"), .ping([])])
        #expect(connection.output.isEmpty, "nothing follows a close frame")
        #expect(connection.receive(Frame.close(4999).bytes(from: role.peer)) == [.close(4999, [])])
        #expect(connection.state == CWS_STATE_CLOSED && connection.output.isEmpty)
    }

    @Test func bothMayBeginAtOnce() {
        let client = Connection(CWS_ROLE_CLIENT)
        let server = Connection(CWS_ROLE_SERVER)
        #expect(client.close(1000) == 0 && server.close(1001) == 0)
        let (fromClient, fromServer) = (client.drain(), server.drain())
        #expect(client.receive(fromServer) == [.close(1001, [])])
        #expect(server.receive(fromClient) == [.close(1000, [])])
        #expect(client.state == CWS_STATE_CLOSED && server.state == CWS_STATE_CLOSED)
        #expect(client.output.isEmpty && server.output.isEmpty)
    }

    @Test(arguments: cws_role.both)
    func aCloseWithoutCodeIsAnsweredWithOne(role: cws_role) {
        let connection = Connection(role)
        #expect(connection.receive(Frame(opcode: 8).bytes(from: role.peer)) == [.close(1005, [])])
        #expect(connection.drainFrames() == [Frame(opcode: 8)])
        let other = Connection(role)
        #expect(other.close(1005) == 0)
        #expect(other.drainFrames() == [Frame(opcode: 8)])
    }

    @Test(arguments: [CWS_COMPRESSION_OFF, CWS_COMPRESSION_ON])
    func aCloseOfOursCutsAMessageOfOurs(compression: cws_compression) {
        let connection = Connection(CWS_ROLE_SERVER, deflate: Deflation())
        #expect(connection.begin(CWS_OPCODE_TEXT, compression) == 0)
        #expect(connection.write(Array("begun".utf8)) == 5)
        #expect(connection.close() == 0)
        #expect(connection.write([0x61]) == CWS_ERR_STATE.rawValue)
        #expect(
            connection.end() == CWS_ERR_STATE.rawValue && connection.begin(CWS_OPCODE_TEXT) == CWS_ERR_STATE.rawValue)
        #expect(connection.send("x") == CWS_ERR_STATE.rawValue && connection.ping() == CWS_ERR_STATE.rawValue)
        #expect(connection.drainFrames().last == .close(1000))
    }

    @Test(arguments: cws_role.both, [false, true])
    func aCloseOfThePeerCutsMessagesBothWays(role: cws_role, whole: Bool) {
        let connection = Connection(role, whole: whole)
        #expect(connection.begin(CWS_OPCODE_BINARY) == 0 && connection.write([1, 2]) == 2)
        let large = Frame(opcode: 2, payload: [UInt8](repeating: 1, count: 100_000), fin: false)
        #expect(connection.receive(large.bytes(from: role.peer)).count == (whole ? 0 : 1))
        #expect(connection.receive(Frame.close(1000).bytes(from: role.peer)) == [.close(1000, [])])
        #expect(connection.memory <= 8192)
        #expect(connection.write([3]) == CWS_ERR_STATE.rawValue && connection.end() == CWS_ERR_STATE.rawValue)
        #expect(connection.drainFrames() == [Frame(opcode: 2, payload: [1, 2], fin: false), .close(1000)])
    }

    @Test func whatCanNotBeSentLeavesTheConnectionOpen() {
        let connection = Connection(CWS_ROLE_CLIENT)
        for code: UInt16 in [0, 999, 1004, 1006, 1015, 1016, 2999, 5000, .max] {
            #expect(connection.close(code) == CWS_ERR_CLOSE_CODE.rawValue)
        }
        #expect(connection.state == CWS_STATE_OPEN && connection.output.isEmpty)
        #expect(connection.send("x") == 0)
    }

    @Test func aCloseNeedsNoRoom() {
        let connection = Connection(CWS_ROLE_SERVER, maxOutput: 1)
        #expect(connection.send([1]) == 0 && connection.send([]) == CWS_ERR_FULL.rawValue)
        #expect(connection.close(1000, String(repeating: "é", count: 100)) == 0)
        #expect(connection.drainFrames().last == .close(1000, String(repeating: "é", count: 61)))
    }

    @Test func anErrorWhileClosingIsAnErrorWithoutASecondFrame() {
        let connection = Connection(CWS_ROLE_CLIENT)
        #expect(connection.close() == 0 && connection.drain().count == 8)
        #expect(connection.receive([0xff]) == [] && connection.failure == CWS_ERR_RESERVED_BITS.rawValue)
        #expect(connection.state == CWS_STATE_FAILED && connection.output.isEmpty)
    }

    @Test func endingWithoutHavingBegunFreesNothing() { cws_connection_free(nil) }
}
