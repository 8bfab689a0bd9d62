/// What parses as MessagePack writes and parses again to the same, in the
/// shortest form; so does its JSON, but for what JSON can't say.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var reader = MessagePackReader(bytes)
    while !reader.isAtEnd {
        let start = reader.offset
        do {
            check(try reader.next(), from: reader.offset - start)
        } catch {
            precondition(error.offset <= size && !error.description.isEmpty)
            precondition(reader.offset == start, "moved by a failure")
            break
        }
    }
    return 0
}

private func check(_ value: Value, from size: Int) {
    let packed = MessagePackWriter.bytes(of: value)
    // A float of 32 bits is the one thing that grows.
    precondition(packed.count <= 2 * size, "not the shortest form")
    guard let again = try? MessagePackReader.read(packed) else { preconditionFailure("its own bytes are rejected") }
    // Compared as bytes, since a number that is none equals nothing, and strings forgive a change of normal form.
    precondition(MessagePackWriter.bytes(of: again) == packed, "the bytes mean something else")

    let text = JSONWriter.bytes(of: value)
    guard let read = try? JSONReader.read(text) else { preconditionFailure("its JSON is rejected") }
    precondition(JSONWriter.bytes(of: read) == text, "the JSON means something else")
}
