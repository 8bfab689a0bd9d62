/// A list of C strings in one piece of memory, as execve(2) wants its arguments and its environment.
///
/// Copies share the memory, so a block that serves every process is kept once.
package struct CStringBlock: Equatable, Sendable {
    /// Every string with its NUL.
    private var bytes: [UInt8] = []
    /// Where each string begins.
    private var starts: [Int] = []

    package init() {}

    package init(_ strings: [String]) {
        reserve(strings.count, bytes: strings.reduce(0) { $0 + $1.utf8.count + 1 })
        for string in strings { append(string.utf8) }
    }

    package init(_ strings: [[UInt8]]) {
        for string in strings { append(string) }
    }

    /// Makes room for `count` strings of `bytes` bytes in all, with their NULs.
    mutating func reserve(_ count: Int, bytes: Int) {
        starts.reserveCapacity(count)
        self.bytes.reserveCapacity(bytes)
    }

    /// Adds one string. A NUL byte in it would end it early in the eyes of C; ``LaunchCheck`` refuses those before.
    mutating func append(_ string: some Sequence<UInt8>) {
        starts.append(bytes.count)
        bytes.append(contentsOf: string)
        bytes.append(0)
    }

    package var count: Int { starts.count }

    /// Every string with its NUL, one behind the other.
    package var text: [UInt8] { bytes }

    /// The string at `index`, without its NUL.
    package subscript(index: Int) -> ArraySlice<UInt8> {
        let end = index + 1 < starts.count ? starts[index + 1] : bytes.count
        return bytes[starts[index]..<(end - 1)]
    }

    /// Calls `body` with pointers to the strings and a NULL after them, which are valid until it returns.
    ///
    /// execve(2) takes pointers to characters that could be changed, and never changes any.
    package func withPointers<Result>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        try bytes.withUnsafeBytes { bytes in
            try withUnsafeTemporaryAllocation(
                of: UnsafeMutablePointer<CChar>?.self, capacity: starts.count + 1
            ) { pointers in
                for (index, start) in starts.enumerated() {
                    let string = bytes.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self)
                    pointers.initializeElement(at: index, to: UnsafeMutablePointer(mutating: string))
                }
                pointers.initializeElement(at: starts.count, to: nil)
                guard let base = pointers.baseAddress else { preconditionFailure("an allocation without an address") }
                return try body(UnsafePointer(base))
            }
        }
    }
}
