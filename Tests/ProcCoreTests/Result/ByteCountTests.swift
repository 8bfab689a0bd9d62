import ProcCore
import Testing

@Suite struct ByteCountTests {
    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (10_188, "9.9 KiB"), (10_189, "10 KiB"),
        (1_048_063, "1023 KiB"), (1_048_064, "1 MiB"), (5_033_165, "4.8 MiB"), (48 << 20, "48 MiB"),
        (3 << 30, "3 GiB"), (5 << 40, "5 TiB"), (7 << 50, "7 PiB"), (UInt64.max, "16 EiB"),
    ])
    func sizesAreRoundedToTheirUnit(bytes: UInt64, text: String) {
        #expect(ByteCount(bytes).description == text)
    }
}
