/// Base64 with padding (RFC 4648, section 4); encoding only.
package enum Base64 {
    /// Characters that `count` bytes become.
    package static func encodedCount(of count: Int) -> Int { (count + 2) / 3 * 4 }

    /// The text of `bytes`, in ASCII.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let count = encodedCount(of: bytes.count)
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { encode($0, into: UnsafeMutableRawBufferPointer(buffer)) }
            initialized = count
        }
    }

    /// Writes the text of `bytes` to the start of `text`, which must have room
    /// for ``encodedCount(of:)`` characters.
    ///
    /// Pieces of a longer text can be written one by one, if the length of all but the last is a multiple of 3.
    package static func encode(_ bytes: UnsafeRawBufferPointer, into text: UnsafeMutableRawBufferPointer) {
        precondition(text.count >= encodedCount(of: bytes.count), "no room for base64")
        var read = 0
        var written = 0
        // Six bytes make eight characters; the load takes two bytes more than it uses.
        while bytes.count - read >= 8 {
            let word = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: read, as: UInt64.self))
            let characters = characters(of: sextets(of: word >> 16))
            text.storeBytes(of: characters.bigEndian, toByteOffset: written, as: UInt64.self)
            read += 6
            written += 8
        }
        while read < bytes.count {
            let left = min(bytes.count - read, 3)
            var word = UInt64(bytes[read]) << 40
            if left > 1 { word |= UInt64(bytes[read + 1]) << 32 }
            if left > 2 { word |= UInt64(bytes[read + 2]) << 24 }
            let group = UInt32(characters(of: sextets(of: word)) >> 32)
            let padding: UInt32 = left == 3 ? 0 : left == 2 ? 0x3d : 0x3d3d
            let kept: UInt32 = left == 3 ? .max : left == 2 ? 0xffff_ff00 : 0xffff_0000
            text.storeBytes(of: (group & kept | padding).bigEndian, toByteOffset: written, as: UInt32.self)
            read += left
            written += 4
        }
    }

    /// The 48 low bits as eight bytes of six bits each, in the same order.
    @inline(__always)
    private static func sextets(of bits: UInt64) -> UInt64 {
        let halves = (bits & 0xffff_ff00_0000) << 8 | bits & 0xff_ffff
        let quarters = (halves & 0x00ff_f000_00ff_f000) << 4 | halves & 0xfff_0000_0fff
        return (quarters & 0x0fc0_0fc0_0fc0_0fc0) << 2 | quarters & 0x003f_003f_003f_003f
    }

    /// Replaces each of eight numbers below 64 by its character.
    ///
    /// No table: each lane starts from "A" and is moved by what the alphabet's
    /// gaps add up to. No lane ever leaves 0...255, so nothing is carried over.
    @inline(__always)
    private static func characters(of sextets: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        /// One in each lane that holds `least` or more.
        @inline(__always) func lanes(from least: UInt64) -> UInt64 {
            ((sextets &+ ones &* (128 &- least)) >> 7) & ones
        }
        return sextets &+ ones &* 65 &+ lanes(from: 26) &* 6 &- lanes(from: 52) &* 75 &- lanes(from: 62) &* 15
            &+ lanes(from: 63) &* 3
    }
}
