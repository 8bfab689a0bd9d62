/// What a client takes by its `Accept-Encoding` field (RFC 9110, section 12.5.3).
package struct AcceptedCodings: Equatable, Sendable {
    /// In thousandths, by the name in lower case. `*` stands for those that aren't named.
    private let qualities: [String: Int]

    /// - Parameter field: All values of the field, joined by commas; nil when there is none. The RFC lets a client
    ///   without it take anything, but what says nothing most often unpacks nothing.
    package init(_ field: String?) {
        var qualities: [String: Int] = [:]
        for member in Array((field ?? "").utf8).split(separator: UInt8(ascii: ",")) {
            let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(\.trimmed)
            guard let first = parts.first, !first.isEmpty, first.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                continue
            }
            var name = String(decoding: first, as: UTF8.self).lowercased()
            // Section 8.4.1.3: the same under its old name.
            if name == "x-gzip" { name = "gzip" }
            if let quality = Self.quality(parts.dropFirst()) { qualities[name] = quality }
        }
        self.qualities = qualities
    }

    /// How much a coding is wanted, from 0, not at all, to 1000.
    package func quality(of coding: String) -> Int { qualities[coding] ?? qualities["*"] ?? 0 }

    /// How much the document as it is. Always a little, unless it is ruled out.
    package var identityQuality: Int { qualities["identity"] ?? qualities["*"] ?? 1 }

    /// Whether it is better sent in this coding than as it is: also where both are as welcome, as it is smaller.
    package func prefers(_ coding: String) -> Bool {
        quality(of: coding) > 0 && quality(of: coding) >= identityQuality
    }

    /// Of `;q=0.5`: 500; 1000 where there is no such parameter; nil for what is none.
    private static func quality(_ parameters: ArraySlice<ArraySlice<UInt8>>) -> Int? {
        guard let parameter = parameters.first else { return 1000 }
        guard parameters.count == 1, parameter.count >= 3,
            parameter.prefix(2).elementsEqual("q=".utf8)
                || parameter.prefix(2).elementsEqual("Q=".utf8)
        else { return nil }
        let digits = parameter.dropFirst(2)
        guard let whole = digits.first, whole == UInt8(ascii: "0") || whole == UInt8(ascii: "1") else { return nil }
        let behind = digits.dropFirst()
        guard behind.isEmpty || behind.first == UInt8(ascii: "."), behind.count <= 4 else { return nil }
        var sum = Int(whole - UInt8(ascii: "0")) * 1000
        var unit = 100
        for digit in behind.dropFirst() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            sum += Int(digit - UInt8(ascii: "0")) * unit
            unit /= 10
        }
        return sum <= 1000 ? sum : nil
    }
}
