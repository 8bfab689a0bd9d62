/// What the body of a request is for.
enum BodyUse {
    case none
    case collected([UInt8], then: ([UInt8]) -> Void)
    case handedOn(piece: (UnsafeBufferPointer<UInt8>) -> Void, ended: (Bool) -> Void)

    /// Keeps them where they are collected.
    mutating func collect(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard case .collected(var all, let then) = self else { return }
        // Not shared, so that it isn't copied with each piece.
        self = .none
        all.append(contentsOf: bytes)
        self = .collected(all, then: then)
    }

    /// Whom to tell, when it is over, that it has come or won't.
    func ended(isComplete: Bool) {
        switch self {
        case .none: break
        case .collected(let all, let then): if isComplete { then(all) }
        case .handedOn(_, let ended): ended(isComplete)
        }
    }
}
