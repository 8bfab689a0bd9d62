internal import Glibc

/// A failed system call: which one, on what, and why.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package let call: String
    package let subject: String?
    package let errno: CInt

    package init(_ call: String, on subject: String? = nil, errno: CInt) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    /// Captures `errno`. Call it before anything else that might change it.
    package static func last(_ call: String, on subject: String? = nil) -> SystemError {
        SystemError(call, on: subject, errno: Glibc.errno)
    }

    /// The system's text for ``errno``, such as `No such file or directory`.
    package var reason: String { SystemError.reason(of: errno) }

    /// The system's text for an error number (strerror_r(3)), in the C locale.
    package static func reason(of number: CInt) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress, strerror_r(number, base, buffer.count) == 0 else {
                return "Unknown error \(number)"
            }
            return String(cString: base)
        }
    }

    package var description: String {
        subject.map { "\(call) \($0): \(reason)" } ?? "\(call): \(reason)"
    }
}
