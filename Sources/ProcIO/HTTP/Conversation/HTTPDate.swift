/// What the `Date` fields of all connections say, written once for each second.
final class HTTPDate {
    /// As the field has it.
    var text: [UInt8] = []
    /// What it was written for.
    var second: Int64 = .min
}
