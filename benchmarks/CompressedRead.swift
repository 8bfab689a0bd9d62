// Captures standard input, waits until the capture is compressed, reads it back, and prints the seconds that the
// reading took: the other side of baseline/inflate.c. Built by script/bench against the modules of the release build.
import Glibc
import ProcAgent
import ProcCore
import ProcIO

let loop = try EventLoop()
let worker = try Worker(loop: loop, name: "worker")
let factory = try CaptureFactory(loop: loop, worker: worker, settings: CaptureSettings(directory: "/tmp")) { message in
    fatalError(message)
}
let capture = try factory.make(CaptureParameters(mode: .tempfile), label: "bench", holder: nil)
guard let target = capture.childEnd?.rawValue else { fatalError("no descriptor to write to") }

var size = 0
var block = [UInt8](repeating: 0, count: 1 << 20)
while case let count = read(STDIN_FILENO, &block, block.count), count > 0 {
    guard write(target, block, count) == count else { fatalError("write: \(SystemError.last("write"))") }
    size += count
}
capture.begin()

var hasSettled = false
capture.settle { hasSettled = true }
loop.run { hasSettled }
capture.finish()
loop.run { capture.snapshot().gzip != nil }

let snapshot = capture.snapshot()
let start = Instant.now
let reader = CaptureReader(snapshot)
var total = 0
try block.withUnsafeMutableBytes { block in
    let part = UnsafeMutableRawBufferPointer(rebasing: block[..<65536])
    while case let count = try reader.read(into: part), count > 0 { total += count }
}
let seconds = Instant.now.since(start).seconds
precondition(total == size, "read \(total) bytes of \(size)")
print(seconds)
