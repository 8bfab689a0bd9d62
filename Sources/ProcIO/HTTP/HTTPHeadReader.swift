/// The head of a message that comes in pieces, and what comes behind it.
struct HTTPHeadReader {
    private let kind: HTTPHead.Kind
    /// All that has come, until the head is whole.
    private var bytes: [UInt8] = []
    private(set) var head: HTTPHead?
    /// Decoded again at this many bytes, or at the end of a line.
    private var nextTry = 0

    init(_ kind: HTTPHead.Kind) { self.kind = kind }

    /// What has come behind the head.
    var rest: ArraySlice<UInt8> { head == nil ? [] : bytes[...] }

    /// Takes the next bytes, also those behind the head.
    ///
    /// A head is decoded from its beginning each time. So that one that comes byte by byte doesn't cost the square of
    /// its length, that is done when a line is whole, of which there may be so many, or a quarter more has come, for a
    /// peer that speaks something else.
    mutating func take(_ more: UnsafeMutableBufferPointer<UInt8>) throws(HTTPHead.Failure) {
        bytes += more
        guard head == nil, bytes.count >= nextTry || more.contains(UInt8(ascii: "\n")) else { return }
        nextTry = bytes.count + bytes.count / 4 + 1
        guard let (head, size) = try HTTPHead.decode(kind, bytes) else { return }
        self.head = head
        bytes.removeFirst(size)
    }
}
