/// What is on record of a capture beside the files that are held of it.
package enum CaptureRecord: Equatable, Sendable {
    /// It can't be kept or shown any more; a clause for people.
    case failed(String)
    /// All of it lies in one gzip file.
    case compressed(Compressed)

    package struct Compressed: Equatable, Sendable {
        /// The slot of the file that is held.
        package var slot: UInt8
        /// Bytes of the stream.
        package var count: Int
        /// Bytes of the document.
        package var plainCount: Int
        /// Where in the stream each span of the document starts.
        package var starts: [Int]
        /// How many bytes had been written in all, and how many of them were cut.
        package var total: UInt64
        package var cut: UInt64

        package init(slot: UInt8, count: Int, plainCount: Int, starts: [Int], total: UInt64, cut: UInt64) {
            self.slot = slot
            self.count = count
            self.plainCount = plainCount
            self.starts = starts
            self.total = total
            self.cut = cut
        }
    }
}
