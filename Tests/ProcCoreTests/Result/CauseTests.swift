import ProcCore
import Testing

@Suite struct CauseTests {
    @Test func everyCauseNamesItsTypeAndItsCircumstances() {
        #expect(Cause.exited.value == .map([.init("type", .string("exited"))]))
        #expect(
            Cause.signalled(.terminate, sender: nil).value.text
                == #"{"type":"signalled","signal":"SIGTERM","sender":null}"#)
        #expect(
            Cause.timeout(.milliseconds(2500)).value.text
                == #"{"type":"timeout","seconds":2.5}"#)
        #expect(
            Cause.limit(fd: "stdout").value.text
                == #"{"type":"limit","fd":"stdout"}"#)
        #expect(Cause.startFailure.value == .map([.init("type", .string("start-failure"))]))
        #expect(
            Cause.cancelled(sender: .shutdown).value.text
                == #"{"type":"cancelled","sender":"shutdown"}"#)
    }

    @Test(arguments: [(Cause.Sender.request, "request"), (.stop, "stop"), (.shutdown, "shutdown")])
    func sendersAreNamed(sender: Cause.Sender, name: String) {
        #expect(Cause.signalled(.kill, sender: sender).value["sender"] == .string(name))
    }
}
