internal import Glibc
internal import ProcCore
internal import ProcIO

/// Prints a line at once, for whoever waits for it.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

/// What makes the program end with status 1.
struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// `COMMAND [URL] [--NAME VALUE | --FLAG]...`
struct Arguments {
    let command: String
    private(set) var url: String?
    private var values: [String: String] = [:]

    private static let flags: Set<String> = ["no-deflate", "pieces", "sink"]

    init(_ words: [String]) throws {
        var words = words[...]
        command = words.popFirst() ?? ""
        while let word = words.popFirst() {
            guard word.hasPrefix("--") else {
                url = word
                continue
            }
            let name = String(word.dropFirst(2))
            if Self.flags.contains(name) {
                values[name] = ""
            } else if let value = words.popFirst() {
                values[name] = value
            } else {
                throw Problem("\(word) needs a value")
            }
        }
    }

    func has(_ flag: String) -> Bool { values[flag] != nil }
    func text(_ name: String) -> String? { values[name] }

    func number(_ name: String, default standard: Int) throws -> Int {
        guard let text = values[name] else { return standard }
        guard let number = Int(text), number >= 0 else { throw Problem("--\(name) \(text): not a number") }
        return number
    }

    func pem(_ name: String) throws -> TLSContext.PEM? {
        guard let path = values[name] else { return nil }
        return TLSContext.PEM(try contents(path), from: path)
    }

    private func contents(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "re") else { throw SystemError.last("open", on: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
        return bytes
    }

    /// The identity that `--cert` and `--key` name.
    func identity() throws -> TLSContext.Identity? {
        guard let certificate = try pem("cert"), let key = try pem("key") else { return nil }
        return TLSContext.Identity(certificate: certificate, key: key)
    }

    /// What `ws://HOST:PORT/PATH` or `wss:` with `--ca FILE` leads to.
    func target(path: String? = nil) throws -> WebSocketTarget {
        guard let url else { throw Problem("\(command) needs a URL") }
        let isSecure = url.hasPrefix("wss://")
        guard isSecure || url.hasPrefix("ws://") else { throw Problem("\(url): neither ws: nor wss:") }
        let rest = url.dropFirst(isSecure ? 6 : 5)
        let authority = rest.prefix { $0 != "/" }
        guard let endpoint = Endpoint(parsing: String(authority)) else { throw Problem("\(url): no HOST:PORT") }
        var target = WebSocketTarget(endpoint)
        target.path = path ?? (authority.endIndex == rest.endIndex ? "/" : String(rest[authority.endIndex...]))
        target.offersDeflate = !has("no-deflate")
        target.options = try options()
        if isSecure {
            target.tls = try TLSContext(systemRoots: false, anchors: try pem("ca"), identity: try identity())
        }
        return target
    }

    func options() throws -> WebSocketConnection.Options {
        var options = WebSocketConnection.Options()
        options.wholeMessages = !has("pieces")
        if has("pieces") { options.maxMessage = nil }
        return options
    }
}
