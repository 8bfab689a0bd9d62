internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcIO

// First of all, so that every thread inherits the mask and no signal is lost before the loop looks for it.
SignalSource.block(handledSignals + [SIGCHLD])

// Before anything copies the environment, children's among it. An agent needs it again, when it reads its files anew.
let environmentToken = AccessToken.wipeEnvironment()

do {
    let environment = environmentVariables()
    switch try Command.parse(programArguments(), environment: environment) {
    case .help:
        print(Help.text, terminator: "")
    case .version:
        print(Version.text, terminator: "")
    case .local(let options):
        exit(LocalRun.main(options))
    case .agent(let options):
        exit(AgentRun.main(options, environmentToken: environmentToken))
    case .agentCheck(let options):
        exit(AgentCheck.main(options, environmentToken: environmentToken, environment: environment))
    }
} catch {
    complain("\(error)")
    exit(ExitStatus.usage)
}
