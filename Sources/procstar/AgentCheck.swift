internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// One try at all that an agent needs, with a line on standard output for each step.
final class AgentCheck {
    let options: AgentOptions
    let loop: EventLoop
    private var report: CheckReport
    /// What has been found so far, for the steps that need it.
    var token: AccessToken?
    var tls: TLSContext?

    /// Runs it all; the result is the exit status.
    static func main(_ options: AgentOptions, environmentToken: [UInt8]?, environment: [String: String]) -> CInt {
        // Here they shall simply end the program.
        SignalSource.unblock(handledSignals)
        do {
            // What is wrong with a pattern is wrong with the command line.
            _ = try options.engine.tableSettings()
        } catch {
            complain("\(error)")
            return ExitStatus.usage
        }
        do {
            let style = CheckReport.Style(isTerminal: isatty(STDOUT_FILENO) == 1, environment: environment)
            let check = AgentCheck(options, loop: try EventLoop(), report: CheckReport(style: style))
            check.lookAround(environmentToken: environmentToken, environment: environment)
            let connection = try ConnectionCheck(check)
            connection.begin { check.loop.stop() }
            check.loop.run()
            ResultFile.standardOutput.tell([check.report.summary])
            return check.report.failed.isEmpty ? ExitStatus.success : ExitStatus.failure
        } catch {
            complain("\(error)")
            return ExitStatus.failure
        }
    }

    private init(_ options: AgentOptions, loop: EventLoop, report: CheckReport) {
        self.options = options
        self.loop = loop
        self.report = report
    }

    func found(_ step: CheckStep, _ finding: CheckFinding) {
        ResultFile.standardOutput.tell([report.add(step, finding)])
    }

    // MARK: What the machine and its files have to offer

    private func lookAround(environmentToken: [UInt8]?, environment: [String: String]) {
        lookAtLimits()
        let folder = options.engine.captureDirectory
        found(
            .captureFolder,
            .captureFolder(
                folder,
                Result { () throws(SystemError) in
                    try CaptureFolder(path: folder).tryOut()
                }))
        found(.keeper, options.usesKeeper ? KeeperCheck.keeper() : KeeperCheck.unwanted)
        found(.stateFolder, KeeperCheck.stateFolder(options, environment: environment))
        if let input = options.input { found(.spec, Self.spec(input)) }

        let sources = options.credentialSources
        do throws(AccessToken.Problem) {
            let token = try AgentCredentials.token(sources, environmentToken: environmentToken)
            self.token = token
            found(.token, .token(token))
        } catch {
            found(.token, .failure(error.reason, advice: nil))
        }
        do throws(AgentCredentials.Problem) {
            tls = try AgentCredentials.tls(sources)
            found(.trust, .good("the system's" + (sources.certificate.map { ", and those in \($0)" } ?? "")))
        } catch {
            found(.trust, .failure(error.reason, advice: "--agent-cert wants a PEM file with certificates"))
        }
    }

    private func lookAtLimits() {
        var limit = rlimit()
        if clinux_get_file_limit(&limit) == 0 {
            found(.openFiles, .openFiles(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max)))
        }
        if clinux_get_process_limit(&limit) == 0 {
            // RLIM_INFINITY; root isn't held to any number.
            let isUnlimited = limit.rlim_cur == .max || geteuid() == 0
            found(.processes, .processes(limit: isUnlimited ? nil : UInt64(limit.rlim_cur)))
        }
    }

    private static func spec(_ input: Input) -> CheckFinding {
        switch SpecDocument.read(input) {
        case .success(let request):
            let count = request.processes.count
            return .good("\(count) process\(count == 1 ? "" : "es") to start at the beginning")
        case .failure(let problem): return .failure(problem.description, advice: nil)
        }
    }
}
