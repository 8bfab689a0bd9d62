import ProcCore
import Testing

@Suite struct AcceptedCodingsTests {
    static let gzip: [(String?, Bool)] = [
        (nil, false), ("", false), ("gzip", true), ("GZip", true), ("x-gzip", true), ("deflate, gzip", true),
        ("deflate", false), ("*", true), ("*;q=0", false), ("gzip;q=0", false), ("gzip;q=0.000, *", false),
        ("gzip;q=0.001", true), ("gzip ; q=0.5", true), ("gzip;Q=0.5", true), ("gzip;q=0.5, identity", false),
        ("gzip;q=0.5, identity;q=0.5", true), ("identity;q=0", false), ("identity;q=0, gzip;q=0.1", true),
        ("gzip, deflate, br, zstd", true), ("br;q=1.0, gzip;q=0.8, *;q=0.1", true), (",,gzip,", true),
        // What can't be read counts for nothing.
        ("gzip;q=2", false), ("gzip;q=1.001", false), ("gzip;q=0.1234", false), ("gzip;q=", false),
        ("gzip;q=-1", false),
        ("gzip;level=9", false), ("gzip;q=1;q=0", false), ("gzip deflate", false), (";q=1", false),
        ("gzip;q=.5", false),
    ]

    @Test(arguments: gzip)
    func gzipIsUsedWhereItIsWelcome(field: String?, expected: Bool) {
        #expect(AcceptedCodings(field).prefers("gzip") == expected)
    }

    static let plain: [(String?, Int)] = [
        (nil, 1), ("gzip", 1), ("identity", 1000), ("identity;q=0.25", 250), ("*;q=0", 0), ("identity;q=0", 0),
        ("*;q=0, identity;q=0.7", 700),
    ]

    @Test(arguments: plain)
    func theDocumentAsItIsIsWelcomeUnlessRuledOut(field: String?, quality: Int) {
        #expect(AcceptedCodings(field).identityQuality == quality)
    }
}
