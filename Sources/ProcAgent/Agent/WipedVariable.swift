internal import Glibc

/// A variable of the environment that nobody but this program is to see.
enum WipedVariable {
    /// Takes a variable out of this process's environment, and overwrites it where the process was started with it, so
    /// that `/proc/PID/environ` doesn't show it any more. What it held, nil if it wasn't there.
    ///
    /// Call it before anything reads or changes the environment, and while there is one thread only.
    static func take(_ name: String) -> [UInt8]? {
        var value: [UInt8]?
        var next = environ
        while let entry = next.pointee {
            next += 1
            let length = strlen(entry)
            let bytes = UnsafeMutableRawBufferPointer(start: entry, count: length)
            guard bytes.starts(with: "\(name)=".utf8) else { continue }
            let start = name.utf8.count + 1
            // Of several the first counts, as for getenv(3).
            if value == nil { value = Array(bytes[start...]) }
            explicit_bzero(entry + start, length - start)
        }
        unsetenv(name)
        return value
    }
}
