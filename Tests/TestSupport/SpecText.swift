package import ProcCore

/// Start documents as JSON text, put together from parts that tests make up.
package enum SpecText {
    /// A JSON string.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// The object of one process; `more` are further members, as JSON.
    package static func spec(_ argv: [String], _ more: String = "") -> String {
        "{\"argv\": [\(argv.map(quoted).joined(separator: ","))]\(more.isEmpty ? "" : ",")\(more)}"
    }

    /// The same for a text that a shell reads.
    package static func shell(_ command: String, _ more: String = "") -> String {
        "{\"command\": \(quoted(command))\(more.isEmpty ? "" : ",")\(more)}"
    }

    /// An object ID → SPEC, in order.
    package static func specs(_ processes: [(String, String)]) -> String {
        "{\(processes.map { "\(quoted($0.0)): \($0.1)" }.joined(separator: ",\n"))}"
    }

    /// A whole document, as procstar reads it.
    package static func document(_ processes: [(String, String)]) -> String {
        "{\"specs\": \(specs(processes))}"
    }

    /// A document with one process, `p`.
    package static func document(_ spec: String) -> String { document([("p", spec)]) }

    /// The member `fds` that captures standard output.
    package static func capture(_ mode: String = "memory", encoding: String = "utf-8", more: String = "") -> String {
        let encoding = encoding == "null" ? "null" : quoted(encoding)
        return "\"fds\": {\"stdout\": {\"capture\": {\"mode\": \"\(mode)\", \"encoding\": \(encoding)\(more)}}}"
    }
}

extension Value {
    /// The keys of an object, in order.
    package var keys: [String]? { if case .map(let members) = self { members.map(\.key) } else { nil } }
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    /// A number with or without a fraction.
    package var amount: Double? { real ?? number.map(Double.init) }
    /// The elements of an array of strings.
    package var texts: [String]? { items?.compactMap(\.text) }

    /// The bytes of an fd captured without an encoding.
    package func capturedBytes(_ fd: String) -> [UInt8]? {
        self["fds"]?[fd]?["data"]?.text.flatMap { decodeBase64(Array($0.utf8)) }
    }
}

/// What RFC 4648 says, written for tests apart from the product's own. Nil where the text isn't exactly that.
package func decodeBase64(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    var rest = text[...]
    while rest.last == UInt8(ascii: "="), text.count - rest.count < 2 { rest = rest.dropLast() }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var have = 0
    for letter in rest {
        let value = values[Int(letter)]
        guard value != 0xff else { return nil }
        bits = bits << 6 | UInt32(value)
        have += 6
        if have >= 8 {
            have -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(have)))
        }
    }
    return bytes
}
