internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// A newer version of this program in its place, as SIGUSR2 asks an agent for.
final class Upgrade {
    /// Why the former one goes on.
    struct Refusal: Error, Equatable, CustomStringConvertible { let description: String }

    /// How long the new program gets for each answer.
    private static let patience = Interval.seconds(5)
    /// When nothing is to be expected of the thread any more that asks: its answers, and a file system that hangs.
    private static let utmost = Interval.seconds(15)

    private let program: String
    private let inheritance: Inheritance
    private let loop: EventLoop
    private let calls: BlockingCalls

    /// - Parameter program: Where the new version is to be expected, as ``OwnProgram/path(given:)`` said at the start.
    init(program: String, inheritance: Inheritance, loop: EventLoop) throws(SystemError) {
        self.program = program
        self.inheritance = inheritance
        self.loop = loop
        calls = try BlockingCalls(loop: loop, limit: 1, stack: .large)
    }

    /// Asks the program that is there now for its version, and whether it can go on where this one stops.
    ///
    /// - Parameter then: Called once, with the version.
    func check(_ question: HandOverCheck, then: @escaping (Result<String, Refusal>) -> Void) {
        var timer: EventLoop.TimerID?
        let (program, inheritance) = (program, inheritance)
        let call = calls.run {
            Result { () throws(Refusal) in try Self.ask(program, question, inheritance) }
        } then: { [loop] result in
            if let timer { loop.cancel(timer) }
            then(result)
        }
        timer = loop.at(loop.now + Self.utmost) { [calls] in
            calls.abandon(call)
            then(.failure(Refusal(description: "\(program): no answer within \(Self.utmost.shortText)")))
        }
    }

    /// Puts it in this one's place. Only returns if that fails, with everything as it was.
    func perform(_ folder: StateFolder, accessToken: [UInt8]?) -> SystemError {
        Replacement(program: program, inheritance: inheritance, folder: folder, accessToken: accessToken).perform()
    }

    private static func ask(
        _ program: String, _ question: HandOverCheck, _ inheritance: Inheritance
    ) throws(Refusal) -> String {
        let version = try answer(of: program, ["--version"], inheritance)
        guard version.hasPrefix(Version.prefix), version.count > Version.prefix.count else {
            throw Refusal(description: "\(program) --version: \(Quoted.text(version)) is no version of procstar")
        }
        let assent = try answer(of: program, question.arguments, inheritance)
        guard assent == HandOverCheck.assent else {
            throw Refusal(description: "\(program) \(HandOverCheck.word): \(Quoted.text(assent))")
        }
        return String(version.dropFirst(Version.prefix.count))
    }

    /// The line that it prints.
    private static func answer(
        of program: String, _ arguments: [String], _ inheritance: Inheritance
    ) throws(Refusal) -> String {
        let run: BriefRun
        do throws(BriefRun.Failure) {
            run = try BriefRun(
                program, arguments, environment: inheritance.environment, fileLimit: inheritance.fileLimit,
                within: patience)
        } catch {
            throw Refusal(description: "\(program) \(arguments[0]): \(error)")
        }
        let line = run.output.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let end: String
        switch run.end {
        case .exited(0): return line
        // Its status is lost; it has said what it should.
        case .unknown where !line.isEmpty && run.errors.isEmpty: return line
        case .exited(let status): end = "exit status \(status)"
        case .killed(let signum): end = "killed by signal \(signum)"
        case .unknown: end = "it has failed"
        }
        let words = run.errors.split(whereSeparator: \.isNewline).joined(separator: "; ")
        throw Refusal(description: "\(program) \(arguments[0]): \(words.isEmpty ? end : words)")
    }
}
