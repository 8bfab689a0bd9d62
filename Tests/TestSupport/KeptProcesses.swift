internal import CLinux
internal import Glibc
internal import ProcCore

/// Keepers that agents of a test have left behind, and all that they keep.
package enum KeptProcesses {
    /// The keepers whose locks lie somewhere below a folder.
    package static func keepers(below folder: String) -> [CInt] {
        let live = Set(LiveProcess.all().map(\.pid))
        return locks(below: folder).compactMap { lock in
            contents(of: lock).flatMap { pid_t(String(decoding: $0, as: UTF8.self).filter(\.isNumber)) }
        }.filter { pid in
            live.contains(pid)
                && contents(of: "/proc/\(pid)/comm").map { $0.starts(with: "procstar-keeper".utf8) } == true
        }
    }

    /// Kills them, with all their descendants.
    package static func end(below folder: String) {
        for keeper in keepers(below: folder) { LiveProcess.endTree(keeper) }
    }

    private static func locks(below folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            if entry.pointee.d_type == UInt8(DT_DIR) { found += locks(below: "\(folder)/\(name)") }
            if name == "keeper.sock.lock" { found.append("\(folder)/\(name)") }
        }
        return found
    }
}
