/// Hands `body` a heap copy of exactly these bytes, `alignment` bytes into its block, so that a sanitizer build traps
/// on an access past the end.
func withExactCopy<Result>(
    _ bytes: some Collection<UInt8>, alignment: Int = 0, _ body: (UnsafeMutablePointer<UInt8>, Int) throws -> Result
) rethrows -> Result {
    // Nothing to point at is still a block of no bytes.
    let block = UnsafeMutableRawPointer.allocate(byteCount: alignment + bytes.count, alignment: 16)
    defer { block.deallocate() }
    let start = (block + alignment).bindMemory(to: UInt8.self, capacity: bytes.count)
    _ = UnsafeMutableBufferPointer(start: start, count: bytes.count).initialize(from: bytes)
    return try body(start, bytes.count)
}
