internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcIO

// First of all, so that every thread inherits the mask and no signal is lost before the loop looks for it.
SignalSource.block(handledSignals + [SIGCHLD])

// Before anything copies the environment, children's among it. An agent needs it again, when it reads its files anew.
let environmentToken = AccessToken.wipeEnvironment()
let succession = Succession.take()

do {
    let environment = environmentVariables()
    switch try Command.parse(programArguments(), environment: environment) {
    case .help:
        print(Help.text, terminator: "")
    case .version:
        print(Version.text, terminator: "")
    case .local(let options):
        exit(LocalRun.main(options))
    case .agent(var options):
        options.succession = succession
        exit(AgentRun.main(options, environmentToken: environmentToken))
    case .agentCheck(let options):
        exit(AgentCheck.main(options, environmentToken: environmentToken, environment: environment))
    case .upgrade(let target):
        exit(UpgradeCommand.main(target, environment: environment))
    case .handOverCheck(let check):
        exit(check.main(environment))
    }
} catch {
    complain("\(error)")
    exit(ExitStatus.usage)
}
