import CLinux
import Glibc
import ProcCore
import ProcIO
import Testing

/// A logger that writes into a pipe, as if that were standard error.
final class LoggerOnPipe {
    private let reader: OwnedFD
    private let writer: OwnedFD

    init() throws {
        var ends: (reader: CInt, writer: CInt) = (-1, -1)
        try #require(clinux_pipe(&ends.reader, &ends.writer) == 0)
        reader = OwnedFD(adopting: ends.reader)
        writer = OwnedFD(adopting: ends.writer)
        // So that a test that expects more than was written fails instead of hanging.
        try #require(clinux_set_nonblocking(reader.rawValue) == 0)
    }

    func logger(_ level: LogLevel = .trace, _ format: LogFormat = .text, colored: Bool = false) -> Logger {
        Logger(level: level, format: format, descriptor: writer.rawValue, colored: colored) {
            WallTime(nanoseconds: 1_769_860_800_123_456_789)
        }
    }

    /// Everything written since the last call.
    func text() -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(reader.rawValue, &buffer, buffer.count), count > 0 { text += buffer[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Fills the pipe; returns how many bytes went in.
    func fill() -> Int {
        _ = clinux_set_nonblocking(writer.rawValue)
        var total = 0
        while case let count = write(writer.rawValue, [UInt8](repeating: 46, count: 4096), 4096), count > 0 {
            total += count
        }
        return total
    }
}

@Suite struct LoggerTests {
    static let time = "2026-01-31T12:00:00.123Z"

    @Test func aLineIsTimeLevelMessageAndFieldsInOrder() throws {
        let pipe = try LoggerOnPipe()
        pipe.logger().info(
            "started processes from specs", ["count": .int(3), "all": .bool(true), "by": .string("cli")])
        #expect(pipe.text() == "\(Self.time) INFO  started processes from specs count=3 all=true by=cli\n")
    }

    @Test func aJSONLineHoldsTheSame() throws {
        let pipe = try LoggerOnPipe()
        pipe.logger(.trace, .json).warn("odd \"thing\"", ["count": .int(3), "ratio": .double(0.5), "who": .null])
        #expect(
            pipe.text() == """
                {"time":"\(Self.time)","level":"warn","message":"odd \\"thing\\"","count":3,"ratio":0.5,"who":null}

                """)
    }

    @Test(arguments: LogLevel.allCases)
    func onlyLinesAtOrAboveTheLevelAreWritten(level: LogLevel) throws {
        let pipe = try LoggerOnPipe()
        let logger = pipe.logger(level)
        logger.trace("m")
        logger.debug("m")
        logger.info("m")
        logger.warn("m")
        logger.error("m")
        let written = pipe.text().split(separator: "\n").map { $0.split(separator: " ")[1].lowercased() }
        #expect(written == Array(LogLevel.allCases.map(\.rawValue).drop { $0 != level.rawValue }))
    }

    @Test func aLineBelowTheLevelIsNotEvenPutTogether() throws {
        let pipe = try LoggerOnPipe()
        var calls = 0
        func costly() -> String {
            calls += 1
            return "x"
        }
        let logger = pipe.logger(.warn)
        logger.debug(costly(), ["field": .string(costly())])
        #expect(calls == 0 && pipe.text().isEmpty)
        logger.warn(costly(), ["field": .string(costly())])
        #expect(calls == 2)
    }

    static let hostile: [(value: String, text: String)] = [
        ("plain-1/ü.x", "plain-1/ü.x"),
        ("", #""""#),
        ("two words", #""two words""#),
        ("a=b", #""a=b""#),
        ("x\n2026-01-31T12:00:00.123Z ERROR forged", #""x\n2026-01-31T12:00:00.123Z ERROR forged""#),
        ("a\"b\\", #""a\"b\\""#),
        ("\r\t", #""\r\t""#),
        ("\u{1b}[2J", #""\u{1b}[2J""#),
        ("\u{7f}\u{9b}31m", #""\u{7f}\u{9b}31m""#),
        ("a\u{202e}b\u{2028}c", #""a\u{202e}b\u{2028}c""#),
        ("nul\0", #""nul\u{0}""#),
    ]

    @Test func aHostileValueCanForgeNeitherLineNorField() throws {
        let pipe = try LoggerOnPipe()
        for (value, text) in Self.hostile {
            pipe.logger().info("m", ["id": .string(value), "next": .int(1)])
            #expect(pipe.text() == "\(Self.time) INFO  m id=\(text) next=1\n")

            pipe.logger().info("m \(value)")
            #expect(pipe.text().filter { $0.isNewline || $0 == "\u{1b}" } == "\n")
        }
    }

    @Test func hostileValuesAreJSONEscapesInAJSONLine() throws {
        let pipe = try LoggerOnPipe()
        pipe.logger(.trace, .json).info("a\nb", ["id": .string("\u{1b}\u{202e}\u{e0001}\"\\")])
        #expect(
            pipe.text()
                == #"{"time":"\#(Self.time)","level":"info","message":"a\nb","id":"\u001b\u202e\udb40\udc01\"\\"}"#
                + "\n")
    }

    @Test(arguments: LogFormat.allCases)
    func eachLineIsOneWrite(format: LogFormat) throws {
        var ends: [CInt] = [-1, -1]
        // Keeps what one write(2) wrote apart from the next.
        try #require(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        Logger(level: .trace, format: format, descriptor: ends[0]).info("m", ["k": .string("v"), "l": .int(1)])

        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(ends[1], &buffer, buffer.count)
        try #require(count > 0)
        #expect(buffer[count - 1] == UInt8(ascii: "\n"))
    }

    @Test(arguments: LogFormat.allCases)
    func aLineFitsInAPipeHoweverLongItsParts(format: LogFormat) throws {
        let pipe = try LoggerOnPipe()
        let logger = pipe.logger(.trace, format)
        logger.info("m", ["long": .string(String(repeating: "é", count: 100_000)), "next": .int(1)])
        let fields = pipe.text()
        #expect(fields.hasSuffix(format == .json ? "é…\",\"next\":1}\n" : "é… next=1\n"), "\(fields)")

        logger.info(String(repeating: "\u{1}", count: 100_000))
        let message = pipe.text()
        #expect(message.utf8.count <= 4096 && message.hasSuffix(format == .json ? "…\"}\n" : "…\n"), "\(message)")

        let control = Value.string(String(repeating: "\u{1}", count: 5000))
        logger.info(
            "m", ["a": control, "b": control, "c": control, "d": control, "e": control, "f": control, "g": control])
        let bare = pipe.text()
        #expect(bare.hasSuffix(format == .json ? "\"message\":\"m\",\"cut\":\"…\"}\n" : " m cut=…\n"), "\(bare)")
    }

    @Test func aFullPipeNeitherBlocksNorHidesThatLinesAreMissing() throws {
        let pipe = try LoggerOnPipe()
        let logger = pipe.logger()
        let filled = pipe.fill()
        logger.info("one")
        logger.info("two")
        #expect(pipe.text().utf8.count == filled)

        logger.info("three")
        #expect(
            pipe.text() == "\(Self.time) WARN  log lines dropped count=2\n\(Self.time) INFO  three\n")
        logger.info("four")
        #expect(pipe.text() == "\(Self.time) INFO  four\n")
    }

    @Test func aPipeWithoutReaderIsNoError() throws {
        var ends: (reader: CInt, writer: CInt) = (-1, -1)
        try #require(clinux_pipe(&ends.reader, &ends.writer) == 0)
        close(ends.reader)
        defer { close(ends.writer) }
        Logger(level: .trace, format: .text, descriptor: ends.writer).error("nobody reads this")
    }

    @Test func aDescriptorThatIsNotOpenIsNoError() {
        // Above every limit of open files, so never open.
        Logger(level: .trace, format: .text, descriptor: .max).error("nobody reads this")
    }

    @Test func aLineErasesTheProgressLineWhileOneMayStand() throws {
        let pipe = try LoggerOnPipe()
        let logger = pipe.logger()
        logger.erasesProgress = true
        logger.info("m")
        #expect(pipe.text() == "\r\u{1b}[K\(Self.time) INFO  m\n")
    }

    @Test func onlyTheLevelIsColoured() throws {
        let pipe = try LoggerOnPipe()
        pipe.logger(colored: true).error("m", ["k": .int(1)])
        #expect(pipe.text() == "\(Self.time) \u{1b}[31mERROR\u{1b}[0m m k=1\n")
    }

    @Test func aKeyIsFirstOnce() throws {
        let logger = try LoggerOnPipe().logger()
        #expect(logger.isFirst("a") && logger.isFirst("b"))
        #expect(!logger.isFirst("a") && !logger.isFirst("b"))
    }

    /// Against `date -u -d @SECONDS +%FT%T`.
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1_000_000, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000_000_000, "2000-03-01T00:00:00.000Z"),
            (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599_000_999_999, "2026-12-31T23:59:59.000Z"),
        ] as [(Int64, String)])
    func timesAreRFC3339WithMilliseconds(nanoseconds: Int64, text: String) {
        let record = LogRecord(time: WallTime(nanoseconds: nanoseconds), level: .info, message: "m")
        #expect(String(decoding: record.line(as: .text), as: UTF8.self) == "\(text) INFO  m\n")
    }
}
