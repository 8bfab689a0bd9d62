internal import Glibc

/// When a head that comes in pieces is worth another look.
///
/// A head is decoded from its beginning each time. So that one that comes byte by byte doesn't cost the square of its
/// length, that is done when a line is whole, of which there may be so many, or a quarter more has come, for a peer
/// that speaks something else.
struct HTTPHeadPatience {
    private var looked = 0
    private var nextTry = 0

    /// Whether to decode `bytes`, which begin as they did the last time.
    mutating func isWorthALook(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count > looked, let start = bytes.baseAddress else { return false }
        defer { looked = bytes.count }
        let hasNewLine = memchr(start + looked, CInt(UInt8(ascii: "\n")), bytes.count - looked) != nil
        guard hasNewLine || bytes.count >= nextTry else { return false }
        nextTry = bytes.count + bytes.count / 4 + 1
        return true
    }
}

/// The head of a message that comes in pieces, and what comes behind it.
struct HTTPHeadReader {
    private let kind: HTTPHead.Kind
    /// All that has come, until the head is whole.
    private var bytes: [UInt8] = []
    private(set) var head: HTTPHead?
    private var patience = HTTPHeadPatience()

    init(_ kind: HTTPHead.Kind) { self.kind = kind }

    /// What has come behind the head.
    var rest: ArraySlice<UInt8> { head == nil ? [] : bytes[...] }

    /// Takes the next bytes, also those behind the head.
    mutating func take(_ more: UnsafeMutableBufferPointer<UInt8>) throws(HTTPHead.Failure) {
        bytes += more
        guard head == nil else { return }
        let kind = kind
        var patience = patience
        let outcome = bytes.withUnsafeBufferPointer { bytes -> Result<(head: HTTPHead, size: Int)?, HTTPHead.Failure> in
            guard patience.isWorthALook(bytes) else { return .success(nil) }
            do throws(HTTPHead.Failure) {
                return .success(try HTTPHead.decode(kind, bytes))
            } catch {
                return .failure(error)
            }
        }
        self.patience = patience
        guard let (head, size) = try outcome.get() else { return }
        self.head = head
        bytes.removeFirst(size)
    }
}
