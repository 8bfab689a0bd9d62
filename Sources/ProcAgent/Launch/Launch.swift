internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// What every launch needs of the engine.
struct LaunchResources {
    let opener: FileOpener
    let captures: CaptureFactory
    let inheritance: Inheritance
    let environment: ChildEnvironment
    let restriction: ExecutableRestriction?
}

/// One start under way: opens what the spec names, in its order, then spawns.
///
/// An open that may block goes on elsewhere; the launch waits for it and goes on
/// with the next. Everything that was opened is owned by this object, so giving
/// the launch up closes it.
final class Launch {
    /// What became of it.
    enum Outcome {
        case started(Launched)
        case failed([StartFailure])
    }

    private let id: String
    private let spec: ProcessSpec
    private let table: FdTable
    private let index: Int
    private let pipes: RequestPipes
    private let resources: LaunchResources
    private let then: (Launch, Outcome) -> Void

    private var parent: (any Parent)?
    private var token: UInt64 = 0
    private var holder: (Int) -> (any CaptureHolder)? = { _ in nil }
    private var directory: SharedFD?
    private var opened: [Int: SharedFD] = [:]
    /// By index in the spec's fds.
    private(set) var captures: [Int: any OutputCapture] = [:]
    private var failures: [StartFailure] = []
    private var pending: FileOpener.Pending?
    private var nextFd = 0
    private var isOver = false
    /// The parent is at it: what happens now happens to a process.
    private(set) var isSpawning = false

    /// - Parameter index: Of the process in its request.
    init(
        _ process: StartRequest.Entry, index: Int, pipes: RequestPipes, resources: LaunchResources,
        then: @escaping (Launch, Outcome) -> Void
    ) {
        id = process.id
        let spec = process.spec
        self.spec = spec
        table = FdTable(
            fds: spec.fds, inherited: resources.inheritance.descriptors,
            limit: CInt(clamping: resources.inheritance.fileLimit))
        self.index = index
        self.pipes = pipes
        self.resources = resources
        self.then = then
    }

    /// - Parameter holder: Who holds the capture at a position of the fds, for whoever comes after us.
    func begin(_ token: UInt64, by parent: any Parent, holder: @escaping (Int) -> (any CaptureHolder)?) {
        self.parent = parent
        self.token = token
        self.holder = holder
        let found = LaunchCheck.failures(spec, table: table, restriction: resources.restriction)
        // What is wrong with some fds doesn't keep the others from being tried, so that all are told.
        failures = found
        guard found.count == table.failures.count else { return fail(found) }
        guard let path = spec.workingDirectory else { return openNext() }
        let request = FileOpener.Request.workingDirectory(path)
        if let result = resources.opener.openInstantly(request) {
            enter(path, result)
        } else {
            pending = resources.opener.open(request) { [self] result in
                pending = nil
                enter(path, result)
            }
        }
    }

    private func enter(_ path: String, _ result: Result<SharedFD, SystemError>) {
        switch result {
        case .success(let descriptor):
            directory = descriptor
            openNext()
        case .failure(let error):
            fail(failures + [.workingDirectory(path, reason: error.reason)])
        }
    }

    /// Gives up what is under way; nothing will be called any more.
    func cancel() {
        guard !isOver else { return }
        if let pending { resources.opener.cancel(pending) }
        end()
    }

    // MARK: Descriptors

    /// Opens what is left, until one open has to be waited for.
    private func openNext() {
        while nextFd < spec.fds.count {
            let position = nextFd
            nextFd += 1
            let entry = spec.fds[position]
            guard !table.hasFailed(entry.name.number) else { continue }
            switch entry.spec {
            case .inherit, .close, .dup:
                break
            case .null(let flags):
                keep(resources.opener.openNull(flags.bits(for: entry.name.number)), for: position)
            case .file(let path, let flags, let mode):
                openFile(path, flags: flags.bits(for: entry.name.number), mode: mode, for: position)
            case .capture(let capture):
                makeCapture(capture, for: position)
            case .pipeWrite, .pipeRead:
                takePipe(entry, for: position)
            }
            if pending != nil { return }
        }
        touchExecutable()
    }

    private func openFile(_ path: String, flags: CInt, mode: CInt, for position: Int) {
        let request = FileOpener.Request(directory: directory, path: path, flags: flags, mode: UInt32(mode))
        if let result = resources.opener.openInstantly(request) {
            keep(result, for: position)
        } else {
            pending = resources.opener.open(request) { [self] result in
                pending = nil
                keep(result, for: position)
                openNext()
            }
        }
    }

    private func keep(_ result: Result<SharedFD, SystemError>, for position: Int) {
        switch result {
        case .success(let descriptor): opened[position] = descriptor
        case .failure(let error): fdFailed(position, error)
        }
    }

    private func makeCapture(_ capture: CaptureSpec, for position: Int) {
        let number = spec.fds[position].name.number
        do {
            let output = try resources.captures.make(
                CaptureParameters(capture), label: "fd \(number) of \(id)", holder: holder(position))
            captures[position] = output
            opened[position] = output.childEnd
        } catch {
            // The path isn't the spec's, so its author wouldn't know what is meant.
            failures.append(.descriptor(number, reason: "\(error.reason) (capture: \(error))"))
        }
    }

    private func takePipe(_ entry: FdEntry, for position: Int) {
        guard let role = entry.spec.pipeRole else { return }
        do {
            opened[position] = try pipes.take(role, end(entry))
        } catch {
            fdFailed(position, error)
        }
    }

    private func fdFailed(_ position: Int, _ error: SystemError) {
        failures.append(.descriptor(spec.fds[position].name.number, reason: error.reason))
    }

    private func end(_ entry: FdEntry) -> StartRequest.Pipe.End {
        StartRequest.Pipe.End(process: index, fd: entry.name.number)
    }

    // MARK: The spawn

    private func touchExecutable() {
        guard failures.isEmpty else { return fail(inOrder(failures)) }
        let request = FileOpener.Request(directory: directory, path: spec.executable, flags: O_RDONLY)
        if resources.opener.isInstantExecutable(request, at: .now) {
            spawn()
        } else {
            pending = resources.opener.touch(request) { [self] in
                pending = nil
                spawn()
            }
        }
    }

    private func spawn() {
        guard let parent else { preconditionFailure("a launch that hasn't begun") }
        let plan = LaunchPlan(
            token: token, executable: spec.executable, argv: CStringBlock(spec.argv),
            environment: resources.environment.block(for: spec.environment),
            descriptors: table.sources.mapValues { source in
                switch source {
                case .inherited(let number): return .inherited(number)
                case .opened(let position):
                    guard let descriptor = opened[position] else {
                        preconditionFailure("fd \(position) of the plan was not opened")
                    }
                    return .opened(descriptor)
                }
            },
            directory: directory, held: held)
        isSpawning = true
        parent.launch(plan) { [self] result in
            isSpawning = false
            switch result {
            case .success(let launched):
                for capture in captures.values { capture.begin() }
                releasePartners(plan.held, by: parent)
                end()
                then(self, .started(launched))
            case .failure(let failure):
                fail([failure])
            }
        }
    }

    /// A pipe's end that stayed open in a parent's hands would never let the other process see that its partner is gone.
    private func releasePartners(_ held: [HeldDescriptor], by parent: any Parent) {
        forEachPipe { role, end in
            let tag = HoldTag.partner(fd: end.fd)
            guard held.contains(where: { $0.tag == tag }) else { return }
            pipes.whenPartnerDrops(of: role, end) { [token] in parent.drop(tag, of: token) }
        }
    }

    /// What is to outlive us: the captures, and the other ends of pipes whose processes come later.
    private var held: [HeldDescriptor] {
        var held: [HeldDescriptor] = []
        for (position, capture) in captures {
            for (slot, file) in capture.heldAtStart {
                held.append(HeldDescriptor(tag: .capture(position: position, slot: slot), descriptor: file))
            }
        }
        forEachPipe { role, end in
            if let partner = pipes.awaitedPartner(of: role, end) {
                held.append(HeldDescriptor(tag: .partner(fd: end.fd), descriptor: partner))
            }
        }
        return held
    }

    /// By where the fds stand in the spec: what was wrong with some was known before others were opened.
    private func inOrder(_ failures: [StartFailure]) -> [StartFailure] {
        func position(_ failure: StartFailure) -> Int {
            guard case .descriptor(let number, _) = failure else { return spec.fds.count }
            return spec.fds.firstIndex { $0.name.number == number } ?? spec.fds.count
        }
        return failures.map { ($0, position($0)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    private func fail(_ failures: [StartFailure]) {
        guard !isOver else { return }
        end()
        then(self, .failed(failures))
    }

    /// Closes what the parent no longer needs: after a start everything but the captures, whose child's ends
    /// they close themselves.
    private func end() {
        isOver = true
        opened = [:]
        directory = nil
        forEachPipe { role, end in pipes.drop(role, end) }
    }

    private func forEachPipe(_ body: (RequestPipes.Role, StartRequest.Pipe.End) -> Void) {
        for entry in spec.fds {
            if let role = entry.spec.pipeRole { body(role, end(entry)) }
        }
    }
}

extension FdSpec {
    /// Nil for one that is no pipe between processes.
    var pipeRole: RequestPipes.Role? {
        switch self {
        case .pipeWrite: .writer
        case .pipeRead: .reader
        case .inherit, .close, .null, .file, .dup, .capture: nil
        }
    }
}

extension CaptureParameters {
    init(_ spec: CaptureSpec) {
        let keep: Keep =
            switch spec.limit?.keep {
            case .head, nil: .head
            case .tail: .tail
            case .both: .both
            }
        self.init(
            mode: spec.mode == .memory ? .memory : .tempfile, limit: spec.limit.map { Int(clamping: $0.bytes) },
            keep: keep)
    }
}
