/// What an agent proves to the server that it may serve it. It shows itself nowhere but in ``text``.
///
/// No child gets it: not in its environment, whatever its spec inherits, nor from procstar's own under `/proc`. Against
/// one that runs as the same user a file of mode 0600 is no protection, though: such a child can read it, whether it
/// knows the path from a variable or not. Where that matters, have the agent's processes run as another user.
package struct AccessToken: Equatable, Sendable {
    /// Where a token was found.
    package enum Origin: Equatable, Sendable {
        /// - Parameter mode: Permission bits of the file.
        case file(path: String, mode: UInt32)
        case environment
        /// There is none, and the token is empty.
        case nowhere
    }

    /// As it is sent.
    package let text: String
    package let origin: Origin

    /// Servers without a token of their own take this. It keeps nobody out.
    package var isEmpty: Bool { text.isEmpty }

    init(_ text: String, from origin: Origin) {
        self.text = text
        self.origin = origin
    }

    package static let variable = "PROCSTAR_AGENT_TOKEN"

    /// Takes the variable out of this process's environment. What it held, nil if it wasn't there.
    ///
    /// Call it before anything reads or changes the environment, and while there is one thread only.
    @discardableResult
    package static func wipeEnvironment() -> [UInt8]? { WipedVariable.take(variable) }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(hidden)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
