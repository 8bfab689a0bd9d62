import ProcCore
import Testing

@Suite struct FdNameTests {
    @Test(arguments: [
        ("stdin", 0, "stdin"), ("stdout", 1, "stdout"), ("stderr", 2, "stderr"), ("0", 0, "stdin"), ("1", 1, "stdout"),
        ("2", 2, "stderr"), ("3", 3, "3"), ("10", 10, "10"), ("2147483647", CInt.max, "2147483647"),
    ])
    func aNameKeepsItsSpellingAndKnowsItsNumber(text: String, number: CInt, canonical: String) throws {
        let name = try FdName(parsing: text)
        #expect(name.number == number)
        #expect(name.spelling == text)
        #expect(name.canonical == canonical)
    }

    @Test func aWordEqualsItsNumber() throws {
        #expect(try FdName(parsing: "stdin") == FdName(parsing: "0"))
        #expect(Set([try FdName(parsing: "stderr"), FdName(2)]).count == 1)
        #expect(try FdName(parsing: "stdin") != FdName(parsing: "1"))
    }

    @Test(arguments: [
        "", "bogus", "STDIN", "stdin ", " 1", "+1", "-1", "01", "00", "1.0", "0x1", "2147483648",
        "99999999999999999999",
        "１", "stdin\0",
    ])
    func otherTextsAreBadFds(text: String) {
        #expect(ProcCoreTests.text { _ = try FdName(parsing: text) } == "bad fd: \(text)")
    }
}
