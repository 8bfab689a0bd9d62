internal import ProcIO

/// Lets files go on a thread that may wait: to free a file of gigabytes takes the kernel a good part of a second.
final class Discards {
    private final class Pile: Sendable {
        private let files = Guarded<[SharedFD]>([])

        /// Whether it was empty.
        func add(_ file: SharedFD) -> Bool {
            files.withLock { files in
                files.append(file)
                return files.count == 1
            }
        }

        func letGo() {
            let files = files.withLock { files in
                let all = files
                files = []
                return all
            }
            withExtendedLifetime(files) {}
        }
    }

    private let pile = Pile()
    private let loop: EventLoop
    private let worker: Worker

    init(loop: EventLoop, worker: Worker) {
        self.loop = loop
        self.worker = worker
    }

    func add(_ file: SharedFD) {
        guard pile.add(file) else { return }
        // Only when this event has been handled: until then the caller holds the file, and might be the last to.
        loop.soon { [worker, pile] in
            worker.run {
                pile.letGo()
            } then: {
            }
        }
    }
}
