/// How a child's descriptors come about, worked out before the spawn.
///
/// A plain `dup2` for each target would be shorter and wrong: with stdout and stderr swapped, the first copy overwrites
/// the second one's source. So a number is overwritten only when nothing reads it any more, and where numbers wait for
/// each other in a circle, one of them first goes to a spare number. All of it happens in the child: the parent opens
/// and closes nothing for it, and the plan is plain numbers that could be sent to someone else.
///
/// The plan holds under these conditions:
///
/// - Every descriptor of the parent from 3 up is close-on-exec, so exec closes what lies in the gaps between targets.
/// - A copy of a descriptor onto itself makes it survive exec: dup2(2) would do nothing, so the child clears its
///   close-on-exec flag.
/// - Targets are below the child's limit of open files. Sources and the spare number may lie above it: the child
///   lowers its limit after the copies.
package struct FdPlan: Equatable, Sendable {
    package struct Copy: Equatable, Sendable {
        package let source: CInt
        package let target: CInt

        package init(source: CInt, target: CInt) {
            self.source = source
            self.target = target
        }
    }

    /// What the child does first, in order: dup2(source, target).
    package private(set) var copies: [Copy] = []
    /// What it closes then: those of 0 to 2 that it is not to have, and the spare number.
    package private(set) var closes: [CInt] = []
    /// The lowest number above every target; the child closes all from here on.
    package let closeFrom: CInt

    /// - Parameter mapping: For each descriptor that the new program will see, the parent's descriptor that it comes
    ///   from. Several targets may share a source.
    package init(mapping: [CInt: CInt]) {
        closeFrom = (mapping.keys.max() ?? -1) + 1
        let spare = order(mapping)
        closes = (0...2).filter { $0 < closeFrom && mapping[$0] == nil && $0 != spare }
        if let spare, spare < closeFrom { closes.append(spare) }
    }

    /// Fills ``copies``; the result is the spare number, where one was needed.
    private mutating func order(_ mapping: [CInt: CInt]) -> CInt? {
        let targets = mapping.keys.sorted()
        copies.reserveCapacity(targets.count)

        // The copies that still have to be made, and how many of them read each number.
        var sources: [CInt: CInt] = [:]
        var reads: [CInt: Int] = [:]
        for target in targets {
            guard let source = mapping[target] else { continue }
            if source == target {
                copies.append(Copy(source: source, target: target))
            } else {
                sources[target] = source
                reads[source, default: 0] += 1
            }
        }

        for start in targets { follow(start, &sources, &reads) }
        // What is left are circles, in which each number is read exactly once.
        guard !sources.isEmpty else { return nil }
        let spare = Self.spare(mapping)
        for start in targets where sources[start] != nil { turn(start, &sources, by: spare) }
        return spare
    }

    /// Makes the copy to `start` if nothing reads that number, then what had to wait for it, and so on.
    private mutating func follow(_ start: CInt, _ sources: inout [CInt: CInt], _ reads: inout [CInt: Int]) {
        var target = start
        while reads[target, default: 0] == 0, let source = sources.removeValue(forKey: target) {
            copies.append(Copy(source: source, target: target))
            reads[source, default: 0] -= 1
            target = source
        }
    }

    /// Makes the copies of the circle that `start` belongs to. Its old file waits at the spare number for the last one.
    private mutating func turn(_ start: CInt, _ sources: inout [CInt: CInt], by spare: CInt) {
        copies.append(Copy(source: start, target: spare))
        var target = start
        while let source = sources.removeValue(forKey: target) {
            copies.append(Copy(source: source == start ? spare : source, target: target))
            target = source
        }
    }

    /// The lowest number that is neither source nor target.
    private static func spare(_ mapping: [CInt: CInt]) -> CInt {
        let taken = Set(mapping.keys).union(mapping.values)
        var number: CInt = 0
        while taken.contains(number) { number += 1 }
        return number
    }
}
