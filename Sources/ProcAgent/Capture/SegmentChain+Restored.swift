internal import ProcIO

extension SegmentChain {
    /// The chains, by number, that the files make up.
    static func restored(from files: [SharedFD]) throws(RestoreFailure) -> [Int: SegmentChain] {
        var found: [Int: [Int: Segment]] = [:]
        for file in files {
            let mark = FileMark(of: file)
            guard let number = mark.chain else { continue }
            let segment = Segment(file: file, place: mark.place, count: FileState(of: file).size)
            guard found[number, default: [:]].updateValue(segment, forKey: mark.index) == nil else {
                throw .inconsistent("it has a file twice")
            }
        }
        var chains: [Int: SegmentChain] = [:]
        for (number, segments) in found {
            let ordered = (0..<segments.count).compactMap { segments[$0] }
            guard ordered.count == segments.count else { throw .missing("a file out of several") }
            chains[number] = SegmentChain(number: number, segments: ordered)
        }
        return chains
    }
}
