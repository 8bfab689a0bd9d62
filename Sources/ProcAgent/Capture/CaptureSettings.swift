/// What all captures of an agent together, and each by itself, may use.
package struct CaptureSettings: Sendable {
    /// Bytes of one capture that may lie in memory; what is beyond goes on in a file.
    package var memoryEach = 16 << 20
    /// Bytes of all captures together that may lie in memory.
    package var memoryTotal = 256 << 20
    /// Finished captures above this many bytes are compressed; nil: none is.
    package var compressAbove: Int? = 16 << 10
    /// Where unlinked files are made.
    package var directory: String

    package init(directory: String) { self.directory = directory }
}

/// What a spec says about one capture, as far as storing it is concerned.
package struct CaptureParameters: Sendable {
    package enum Mode: Sendable {
        case tempfile, memory
    }

    /// Which bytes stay when there are more than the limit.
    package enum Keep: Sendable {
        case head, tail
        /// The first half and the last half.
        case both
    }

    package var mode: Mode
    /// The most bytes that are kept, above 0; nil: all of them.
    package var limit: Int?
    package var keep: Keep

    package init(mode: Mode, limit: Int? = nil, keep: Keep = .head) {
        precondition(limit.map { $0 > 0 } ?? true, "a capture limit is above 0")
        self.mode = mode
        self.limit = limit
        self.keep = keep
    }

    /// Whether the process writes to the file itself, and not to a pipe.
    var isInOwnFile: Bool { mode == .tempfile && limit == nil }
}
