import ProcCore
import Testing

@Suite struct CStringBlockTests {
    static func read(_ block: CStringBlock) -> [String] {
        block.withPointers { pointers in
            var strings: [String] = []
            while let string = pointers[strings.count] { strings.append(String(cString: string)) }
            return strings
        }
    }

    @Test(arguments: [
        [], [""], ["", "", ""], ["/bin/echo", "", "héllo", "x"], [String(repeating: "long", count: 50_000), "end"],
        (0..<2_000).map { "argument \($0)" },
    ])
    func aProgramWouldReadTheSameStrings(strings: [String]) {
        let block = CStringBlock(strings)
        #expect(Self.read(block) == strings)
        #expect(block.count == strings.count)
        #expect(strings.indices.map { String(decoding: block[$0], as: UTF8.self) } == strings)
    }

    @Test func anEmptyBlockIsJustTheEnd() {
        #expect(CStringBlock().withPointers { $0[0] == nil })
    }
}
