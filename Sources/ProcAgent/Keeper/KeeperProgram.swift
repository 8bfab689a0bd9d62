internal import CLinux
internal import Glibc
package import ProcCore
package import ProcIO

/// `procstar-keeper` (docs/keeper.md): where it is, and how one gets at it.
package struct KeeperProgram: Equatable, Sendable {
    package let path: String

    private static let name = "procstar-keeper"

    /// Looks where it is installed together with `program`; nil if it isn't.
    package static func find(for program: String) -> KeeperProgram? {
        places(for: program).lazy.map(KeeperProgram.init).first { access($0.path, X_OK) == 0 }
    }

    /// Where it may be: beside it, as in a build, or in the libexec folder of the same installation.
    package static func places(for program: String) -> [String] {
        let folder = parent(of: program)
        return [folder, "\(parent(of: folder))/libexec/procstar", "\(parent(of: folder))/libexec"].map {
            "\($0 == "/" ? "" : $0)/\(name)"
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "" }
        return String(path[..<slash])
    }

    /// The version of the protocol that it speaks by its `--version`. Waits for it, a few seconds at most.
    package func version(fileLimit: Int) throws(Mystery) -> Int {
        let run: BriefRun
        do throws(BriefRun.Failure) {
            run = try BriefRun(
                path, ["--version"], environment: [], fileLimit: fileLimit, within: .seconds(5))
        } catch {
            throw Mystery(description: "\(path) --version: \(error)")
        }
        let prefix = "\(Self.name), protocol "
        guard run.output.hasPrefix(prefix), run.output.hasSuffix("\n"),
            let version = Int(run.output.dropFirst(prefix.count).dropLast())
        else { throw Mystery(description: "\(path) --version: \(Quoted.text(run.output)) is no keeper's answer") }
        return version
    }

    /// A program that doesn't say what it is.
    package struct Mystery: Error, Equatable, CustomStringConvertible { package let description: String }

    /// Connects to a keeper that is there, without waiting; nil if nobody listens. The connection doesn't block.
    package static func connect(to socket: String) throws(SystemError) -> SharedFD? {
        let result = clinux_packet_connect(socket)
        if result == -ENOENT || result == -ECONNREFUSED { return nil }
        return SharedFD(try OwnedFD(result: result, "connect", on: socket))
    }
}

/// A keeper that has been started.
package struct StartedKeeper: Sendable {
    package let pid: CInt
    /// Readable when it has ended.
    package let pidfd: SharedFD
    /// Our end of the connection, which doesn't block.
    package let connection: SharedFD
}

/// Why a keeper that was to be started isn't there.
package enum KeeperStartFailure: Error, Equatable, CustomStringConvertible {
    /// Another keeper listens there, or is about to.
    case taken(String)
    case failed(String)

    package var description: String {
        switch self {
        case .taken(let text), .failed(let text): text
        }
    }
}
