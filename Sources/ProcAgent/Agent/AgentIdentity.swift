internal import Glibc
package import ProcCore

extension Registration.Identity {
    /// Who this process is now. Users and groups without a name go by their number.
    package static func current() -> Registration.Identity {
        // The effective ones: they are what its children can do.
        let user = geteuid()
        let group = getegid()
        return Registration.Identity(
            pid: getpid(), ppid: getppid(), uid: getuid(), euid: user, username: userName(user) ?? "\(user)",
            gid: getgid(), egid: group, groupname: groupName(group) ?? "\(group)", hostname: hostName())
    }

    static func userName(_ user: uid_t) -> String? {
        lookUp(passwd()) { entry, buffer, size, found in
            getpwuid_r(user, entry, buffer, size, found)
        } name: {
            $0.pw_name
        }
    }

    static func groupName(_ number: gid_t) -> String? {
        lookUp(group()) { entry, buffer, size, found in
            getgrgid_r(number, entry, buffer, size, found)
        } name: {
            $0.gr_name
        }
    }

    /// Asks a database of users or groups, with more and more room: an entry of a group has all its members in it.
    private static func lookUp<Entry>(
        _ blank: Entry,
        _ ask: (
            UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
        ) -> CInt, name: (Entry) -> UnsafeMutablePointer<CChar>?
    ) -> String? {
        var size = 4 << 10
        while size <= 16 << 20 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            var entry = blank
            var found: UnsafeMutablePointer<Entry>?
            switch ask(&entry, buffer, size, &found) {
            case EINTR: continue
            case ERANGE: size *= 4
            default: return found == nil ? nil : name(entry).map { String(cString: $0) }
            }
        }
        return nil
    }

    private static func hostName() -> String {
        // Linux has names of at most 64 bytes.
        var name = [CChar](repeating: 0, count: 65)
        guard gethostname(&name, name.count) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
