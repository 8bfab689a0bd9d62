/// What parses as JSON writes and parses again to an equal value, in either
/// style and over either encoding; and the sink's blocks add up to the same text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let document = UnsafeRawBufferPointer(start: data, count: size)
    checkCapture(Array(document))
    let value: Value
    do {
        value = try JSONReader.read(document)
    } catch {
        precondition(error.offset <= size && error.line > 0 && error.column > 0 && !error.description.isEmpty)
        return 0
    }
    let text = JSONWriter.bytes(of: value)
    for pretty in [false, true] {
        guard let again = try? JSONReader.read(JSONWriter.bytes(of: value, pretty: pretty)) else {
            preconditionFailure("its own text is rejected")
        }
        // Bytes too, since equality of strings forgives a change of normal form.
        precondition(again == value && JSONWriter.bytes(of: again) == text, "the text means something else")
    }
    guard let packed = try? MessagePackReader.read(MessagePackWriter.bytes(of: value)) else {
        preconditionFailure("its own MessagePack is rejected")
    }
    precondition(packed == value && JSONWriter.bytes(of: packed) == text, "the MessagePack means something else")
    precondition(blocks(of: value) == text, "blocks lose or add something")
    return 0
}

/// Any bytes can be written as captured text, and read back as the standard library repairs them.
private func checkCapture(_ bytes: [UInt8]) {
    let repaired = String(decoding: bytes, as: UTF8.self)
    let text = JSONWriter.bytes(of: .text(bytes))
    precondition(text == JSONWriter.bytes(of: .string(repaired)), "repaired otherwise than by the standard library")
    precondition(blocks(of: .text(bytes)) == text, "blocks lose or add something")
    precondition(
        MessagePackWriter.bytes(of: .text(bytes)) == MessagePackWriter.bytes(of: .string(repaired)),
        "repaired otherwise in MessagePack")
    guard case .string(let read)? = try? JSONReader.read(text), Array(read.utf8) == Array(repaired.utf8) else {
        preconditionFailure("captured text is not read back")
    }
}

/// The text in the smallest blocks.
private func blocks(of value: Value) -> [UInt8] {
    var text: [UInt8] = []
    var writer = JSONWriter(blockSize: 64) { text.append(contentsOf: $0) }
    do {
        try writer.write(value)
        try writer.finish()
    } catch {
        preconditionFailure("\(error)")
    }
    return text
}
