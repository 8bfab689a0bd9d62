// A program that puts another in its place as an agent does, for tests: `upgrade-driver FOLDER PROGRAM`. It prints what
// it finds when it starts, a line for each thing, then `ready`, and then does what each letter on standard input says.

import CLinux
import Glibc
import ProcAgent
import ProcCore

let succession = Succession.take()
let token = AccessToken.wipeEnvironment()
let arguments = (0..<clinux_argument_count()).compactMap { index in
    clinux_argument(index).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
}
let path = String(decoding: arguments[1], as: UTF8.self)
let program = String(decoding: arguments[2], as: UTF8.self)

func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

func report(_ inheritance: Inheritance, _ folder: StateFolder) {
    let flags = inheritance.descriptors.sorted().map {
        clinux_descriptor_flags($0) & FD_CLOEXEC == 0 ? "\($0)" : "\($0)c"
    }
    var limit = rlimit()
    _ = clinux_get_file_limit(&limit)
    say("pid \(getpid()), descriptors \(flags.joined(separator: " "))")
    say("limit \(inheritance.fileLimit), raised \(limit.rlim_cur)")
    say("token \(token.map { String(decoding: $0, as: UTF8.self) } ?? "none")")
    say("arguments \(arguments)")
    say("variables \(inheritance.environment.map { String(decoding: $0, as: UTF8.self) }.sorted())")
    say("folder \(folder.path), \(folder.connID), lock \(clinux_descriptor_flags(folder.lockDescriptor) == FD_CLOEXEC)")
}

do {
    let own = try OwnProgram.path(given: String(decoding: arguments[0], as: UTF8.self))
    let inheritance = try Inheritance.takeOver()
    let folder =
        try succession.map { try StateFolder.resume(lock: $0.lock, isRuntime: false) }
        ?? StateFolder.open(path: path, connID: nil)
    say("\(succession == nil ? "started" : "in its place"), program \(own)")
    report(inheritance, folder)
    say("ready")
    var letter: UInt8 = 0
    while read(STDIN_FILENO, &letter, 1) == 1 {
        guard letter == UInt8(ascii: "u") else { continue }
        let replacement = Replacement(
            program: program, inheritance: inheritance, folder: folder, accessToken: token)
        say("\(replacement.perform())")
        report(inheritance, folder)
        say("ready")
    }
    say("program \(try OwnProgram.path())")
    folder.release(removing: true)
} catch {
    say("\(error)")
    exit(1)
}
