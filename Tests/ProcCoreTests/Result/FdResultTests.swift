import ProcCore
import Testing

@Suite struct FdResultTests {
    @Test func attachedOutputIsTextOrBase64() {
        #expect(
            FdResult.text([104, 0xff]).value.text
                == #"{"type":"text","text":text[104,255],"encoding":"utf-8"}"#)
        #expect(
            FdResult.data([1, 2]).value.text
                == #"{"type":"data","data":base64[1,2],"encoding":"base64"}"#)
    }

    @Test func detachedOutputTellsItsLength() {
        #expect(
            FdResult.detached(length: 10, encoding: .base64).value.text
                == #"{"type":"detached","length":10,"encoding":"base64"}"#)
        #expect(FdResult.detached(length: .max, encoding: .utf8).value["encoding"] == .string("utf-8"))
        #expect(FdResult.detached(length: .max, encoding: .utf8).value["length"] == .uint(.max))
    }

    @Test func aCutIsToldOnlyWhereSomethingIsMissing() {
        for result: FdResult in [
            .text([], cut: .init(bytes: 0, of: 9)), .data([], cut: .init(bytes: 0, of: 9)), .text([]), .data([]),
        ] {
            #expect(result.value["cut"] == nil && result.value["length"] == nil)
        }
        #expect(FdResult.detached(length: 9, encoding: .utf8, cut: 0).value["cut"] == nil)

        for result: FdResult in [
            .text([], cut: .init(bytes: 7, of: 9)), .data([], cut: .init(bytes: 7, of: 9)),
            .detached(length: 9, encoding: .utf8, cut: 7),
        ] {
            #expect(result.value["cut"] == .int(7) && result.value["length"] == .int(9))
        }
    }

    @Test func anErrorMayHaveAReason() {
        #expect(FdResult.error().value == .map([.init("type", .string("error"))]))
        #expect(
            FdResult.error(reason: "read capture: Input/output error").value.text
                == #"{"type":"error","reason":"read capture: Input/output error"}"#)
    }
}
