import ProcCore
import Testing

@Suite struct ProcStatmTests {
    static func parse(_ text: String) -> ProcStatm? { parse(Array(text.utf8)) }

    static func parse(_ bytes: [UInt8]) -> ProcStatm? { ProcStatm(parsing: bytes.span) }

    @Test func pagesBecomeBytes() throws {
        let statm = try #require(Self.parse(KernelText.busyStatm))
        #expect(
            statm.value(scale: ProcStatTests.scale).text
                == #"{"size":169455616,"resident":12001280,"shared":4210688,"text":4096,"data":26693632}"#)
    }

    @Test func noPrefixPassesForTheWhole() {
        for cut in 0..<KernelText.busyStatm.count {
            #expect(Self.parse(String(KernelText.busyStatm.prefix(cut))) == nil, "\(cut) bytes")
        }
    }

    @Test(arguments: [
        "1 2 3 4 5 6\n", "a 2 3 4 5 6 7\n", "-1 2 3 4 5 6 7\n", "1  2 3 4 5 6 7\n",
        "1 2 3 4 5 18446744073709551616 7\n",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(Self.parse(text) == nil)
    }

    @Test func hugeNumbersSaturate() throws {
        let statm = try #require(Self.parse("18446744073709551615 4503599627370496 4503599627370495 0 0 1 0\n"))
        let value = statm.value(scale: ProcStatTests.scale)
        #expect(value["size"] == .uint(.max))
        #expect(value["resident"] == .uint(.max))
        #expect(value["shared"] == .uint(.max - 4095))
    }
}
