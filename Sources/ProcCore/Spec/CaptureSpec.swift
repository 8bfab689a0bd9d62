/// How the output of one fd is kept for clients.
package struct CaptureSpec: Equatable, Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// An unlinked file that the process writes itself.
        case tempfile
        /// A pipe that is drained into memory.
        case memory
    }

    /// What the captured bytes are taken for.
    package enum Encoding: String, CaseIterable, Sendable {
        case utf8 = "utf-8"
    }

    /// A bound on what is kept.
    package struct Limit: Equatable, Sendable {
        package enum Keep: String, CaseIterable, Sendable {
            case head
            case tail
            case both
        }

        package enum Reaction: String, CaseIterable, Sendable {
            /// The process writes on; what is beyond the limit is cut.
            case truncate
            /// The process is stopped as its ``StopSpec`` says.
            case stop
        }

        /// How many bytes are kept; above 0.
        package var bytes: UInt64
        package var keep: Keep
        package var onLimit: Reaction

        package init(bytes: UInt64, keep: Keep = .head, onLimit: Reaction = .truncate) {
            self.bytes = bytes
            self.keep = keep
            self.onLimit = onLimit
        }
    }

    package var mode: Mode
    /// Nil for plain bytes.
    package var encoding: Encoding?
    /// Whether results hold the output itself rather than its length.
    package var attached: Bool
    /// Nil when everything is kept.
    package var limit: Limit?

    package init(
        mode: Mode = .tempfile, encoding: Encoding? = nil, attached: Bool = true, limit: Limit? = nil
    ) {
        self.mode = mode
        self.encoding = encoding
        self.attached = attached
        self.limit = limit
    }
}
