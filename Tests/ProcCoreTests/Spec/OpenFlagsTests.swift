import Glibc
import ProcCore
import Testing

@Suite struct OpenFlagsTests {
    @Test(arguments: [
        (OpenFlags.standard, CInt(0), O_RDONLY),
        (.standard, 1, O_WRONLY | O_CREAT | O_TRUNC),
        (.standard, 2, O_WRONLY | O_CREAT | O_TRUNC),
        (.standard, 3, O_RDWR | O_CREAT | O_TRUNC),
        (.standard, 500, O_RDWR | O_CREAT | O_TRUNC),
        (.read, 1, O_RDONLY),
        (.write, 0, O_WRONLY | O_CREAT | O_TRUNC),
        (.create, 0, O_WRONLY | O_CREAT | O_EXCL),
        (.replace, 0, O_WRONLY | O_TRUNC),
        (.append, 0, O_WRONLY | O_APPEND),
        (.createAppend, 0, O_WRONLY | O_CREAT | O_APPEND),
        (.readWrite, 0, O_RDWR | O_CREAT | O_TRUNC),
    ])
    func eachNameHasItsBits(flags: OpenFlags, fd: CInt, bits: CInt) {
        #expect(flags.bits(for: fd) == bits)
    }
}
