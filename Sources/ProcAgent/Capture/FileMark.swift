internal import Glibc
internal import ProcCore
internal import ProcIO

/// What a file of a capture says of itself to whoever comes after this program: which part of the output is in it.
///
/// It stands in the file offset. Nothing else uses that, for all reading and writing here names its place; and it is
/// the same for all duplicates of a descriptor, whoever holds them.
struct FileMark: Equatable, Sendable {
    /// How many files one chain can have.
    static let mostInChain = 128

    /// The number of its chain; nil: what is in it isn't the stream as it came. So is a file that nobody has marked.
    var chain: Int?
    /// Which of the chain's files it is.
    var index = 0
    var place: CapturePlace

    private var offset: off_t {
        ((chain ?? -1) + 1) * 2 * Self.mostInChain + index * 2 + (place == .disk ? 1 : 0)
    }

    /// Reads what `file` says.
    init(of file: SharedFD) {
        // What can't seek is none of our files, and has no mark.
        let offset = max(0, lseek(file.rawValue, 0, SEEK_CUR))
        place = offset % 2 == 0 ? .memory : .disk
        index = offset / 2 % Self.mostInChain
        let number = offset / 2 / Self.mostInChain
        chain = number > 0 ? number - 1 : nil
    }

    init(chain: Int?, index: Int = 0, place: CapturePlace) {
        self.chain = chain
        self.index = index
        self.place = place
    }

    /// Has `file` say it.
    func put(on file: SharedFD) throws(SystemError) {
        guard lseek(file.rawValue, offset, SEEK_SET) == offset else { throw SystemError.last("lseek") }
    }
}
