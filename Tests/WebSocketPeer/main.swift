// A WebSocket server and client for tests, conformance runs and measurements: what ProcIO does, as a program.
import Glibc
import ProcIO

do {
    let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    let loop = try EventLoop()
    switch arguments.command {
    case "serve": try serve(arguments, loop)
    case "autobahn": try autobahn(arguments, loop)
    case "echo": try echo(arguments, loop)
    case "flood": try flood(arguments, loop)
    case "scheduler": try scheduler(arguments, loop)
    default: throw Problem("unknown command \(arguments.command); see the comments in Tests/WebSocketPeer")
    }
} catch {
    say("websocket-peer: \(error)")
    exit(1)
}
