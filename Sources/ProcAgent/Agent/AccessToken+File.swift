internal import Glibc
internal import ProcCore
internal import ProcIO

extension AccessToken {
    /// Why no token can be had. Never holds any of it.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let reason: String
        package var description: String { "access token: \(reason)" }
    }

    /// The name of the token among the credentials of a systemd unit.
    package static let credentialName = "procstar-agent-token"

    /// Finds the token: in the file that is named, else in the one that systemd provides, else in the environment, else
    /// there is none.
    ///
    /// - Parameters:
    ///   - file: A file that must be there.
    ///   - credentialsDirectory: The folder that systemd(1) has made for the unit's credentials.
    ///   - environment: What ``wipeEnvironment()`` has found.
    package static func find(
        file: String?, credentialsDirectory: String?, environment: [UInt8]?
    ) throws(Problem) -> AccessToken {
        let credential = credentialsDirectory.map { "\($0)/\(credentialName)" }
        if let path = file ?? credential {
            let found: ConfigurationFile?
            do throws(ConfigurationFile.Failure) {
                found = try ConfigurationFile(path: path, limit: lengthLimit)
            } catch {
                // What systemd may provide needn't be there.
                guard file == nil, error.isAbsence else { throw Problem(reason: error.description) }
                found = nil
            }
            if let found { return try read(found, isCredential: isInside(path, credentialsDirectory)) }
        }
        guard let environment else { return AccessToken("", from: .nowhere) }
        guard let text = String(validating: environment, as: UTF8.self) else {
            throw Problem(reason: "what the variable \(variable) holds is not UTF-8")
        }
        return AccessToken(text, from: .environment)
    }

    /// Far above any token.
    private static let lengthLimit = 64 << 10

    private static func read(_ file: ConfigurationFile, isCredential: Bool) throws(Problem) -> AccessToken {
        // systemd sees to who may read a credential, by other means than the mode.
        if !isCredential { try checkAccess(to: file) }
        var bytes = file.bytes[...]
        if bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem(reason: "what is in \(file.path) is not UTF-8")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Problem(reason: "there is a control character in \(file.path), which must hold the token on one line")
        }
        return AccessToken(text, from: .file(path: file.path, mode: file.mode))
    }

    private static func checkAccess(to file: ConfigurationFile) throws(Problem) {
        let path = file.path
        guard file.owner == geteuid() || file.owner == 0 else {
            throw Problem(
                reason: "\(path) belongs to user \(file.owner), who could change it; "
                    + "chown \(geteuid()) \(ShellWord.quoted(path))")
        }
        guard file.mode & 0o066 == 0 else {
            throw Problem(
                reason: "\(path) has mode 0\(String(file.mode, radix: 8)), so that others can read or change it; "
                    + "chmod 600 \(ShellWord.quoted(path))")
        }
    }

    private static func isInside(_ path: String, _ directory: String?) -> Bool {
        guard let directory, path.hasPrefix("\(directory)/") else { return false }
        return !path.split(separator: "/").contains("..")
    }
}

/// An argument as a shell takes it.
enum ShellWord {
    static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+,:@%".utf8.contains(byte)
            }
        }
        if plain, !text.isEmpty { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
