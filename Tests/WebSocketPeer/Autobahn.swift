internal import ProcCore
internal import ProcIO

/// `autobahn URL --agent NAME [--ca FILE]`: runs all cases of an Autobahn fuzzing server.
func autobahn(_ arguments: Arguments, _ loop: EventLoop) throws {
    let agent = arguments.text("agent") ?? "procstar"
    let client = try Client(loop)

    /// Runs one connection to its end, sending back all that comes, and returns the last text.
    func run(_ path: String, echoes: Bool) throws -> String {
        var target = try arguments.target(path: path)
        // The cases of section 9 take their time in the suite itself.
        target.options.readTimeout = .seconds(120)
        var text = ""
        var isOver = false
        let connection = try client.connect(to: target) { connection in
            connection.handlers.received = { [unowned connection] message in
                if echoes {
                    connection.send(message.opcode, Array(message.bytes), compression: .on)
                } else {
                    text = String(decoding: message.bytes, as: UTF8.self)
                }
            }
            connection.handlers.ended = { _ in isOver = true }
        }
        withExtendedLifetime(connection) { loop.run { isOver } }
        return text
    }

    let answer = try run("/getCaseCount", echoes: false)
    guard let count = Int(answer) else { throw Problem("/getCaseCount gave \(answer)") }
    for number in 1...max(count, 1) {
        _ = try run("/runCase?case=\(number)&agent=\(agent)", echoes: true)
    }
    _ = try run("/updateReports?agent=\(agent)", echoes: false)
    say("\(count) cases run")
}
