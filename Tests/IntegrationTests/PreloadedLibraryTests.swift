import Glibc
import TestSupport
import Testing

/// procstar with a library loaded before it.
@Suite struct PreloadedLibraryTests {
    /// libfaketime changes the environment before main, and with it the place where Swift looks for the arguments.
    private static let library: String? = {
        let paths = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketimeMT.so.1" }
        return paths.first { access($0, R_OK) == 0 }
    }()

    // Sanitizers ask for the time before libfaketime is ready for that.
    @Test(.enabled(if: library != nil && !Sanitizer.isOn))
    func theArgumentsAreFoundThoughItHasMovedTheEnvironment() throws {
        let library = try #require(Self.library)
        let ended = try ProgramRun(
            [Procstar.executable, "--version"], environment: ["LD_PRELOAD=\(library)", "FAKETIME=+1d"]
        ).finish()
        #expect(ended.outputText.hasPrefix("procstar "), "\(ended.errorText)")
        #expect(ended.exitCode == 0)
    }
}
