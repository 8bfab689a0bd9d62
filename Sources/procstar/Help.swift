/// The page that `--help` prints: at most 79 columns wide.
enum Help {
    static let text = """
        Usage: procstar [OPTION]... INPUT
               procstar --agent [OPTION]... [INPUT]
               procstar agent-check [OPTION]...
               procstar upgrade --state-dir DIR | --conn-id ID

        Starts the processes that a spec describes, and tells what became of them.
        INPUT is a JSON file, or - for standard input:

            {"specs": {"hello": {"argv": ["/bin/echo", "hello"]}}}

        One of --print, --output and --exit says what to do in the end. With --agent
        a scheduler says what to run; INPUT is started besides, at the beginning.
        agent-check is short for --agent --check. upgrade asks the agent that runs
        with that folder or name to go on as the procstar that is installed now.

        \(OptionGroup.allCases.map(section).joined(separator: "\n"))
        SIZE is a number of bytes, or one with k, M, G or T, which stand for powers
        of 1024: 16384, 16k and 16KiB are the same. SECS may be a fraction: 0.25.

        \(environment)
        \(signals)
        Exit status: 0 when the results are delivered, whatever became of the
        processes; 2 for a wrong option, an invalid spec, or an access token or
        certificate that can't be read; 1 for anything else.
        Of an agent: 0 when it was told to stop, or has done what --wait or --exit
        wait for; 1 after --connect-count-max attempts. Of a check: 0 when all that
        is needed is there, 1 if not. Of an upgrade: 0 when it is done, 1 if not.

        Examples:
          procstar --print build.json
              run what build.json describes; print what became of it as JSON
          procstar -p --pretty - < build.json
              the same from standard input, laid out for people
          procstar --output results.json build.json
              write the results to a file; print only what the processes print
          procstar -x --restrict-exe /usr/bin/make --log-level info build.json
              start nothing but make; tell on standard error what happens
          procstar --agent --agent-host scheduler.example --token-file token
              serve the scheduler there, with the access token from a file

        """

    private static let environment = """
        Environment, where no option says the same:
          PROCSTAR_AGENT_HOST, PROCSTAR_AGENT_HOSTNAME
                                   --agent-host; the first that is set
          PROCSTAR_AGENT_PORT      --agent-port
          PROCSTAR_GROUP_ID        --group-id
          PROCSTAR_AGENT_CERT      --agent-cert
          PROCSTAR_AGENT_TOKEN_FILE
                                   --token-file
          PROCSTAR_STATE_DIR       --state-dir, also of upgrade
          CREDENTIALS_DIRECTORY    where systemd's LoadCredential= puts the access
                                   token, under the name procstar-agent-token
          PROCSTAR_AGENT_TOKEN     the access token itself, where no file has it

        """

    private static let signals = """
        Signals: SIGTERM, SIGINT and SIGHUP stop the processes: they get SIGTERM, or
        what their spec's "stop" says, and 60 s; a second one, or SIGQUIT, kills
        them. The results are delivered all the same.
        An agent does so at SIGTERM and SIGINT, starts nothing new, and ends when
        the scheduler has deleted what has ended, after 5 s at the latest. At
        SIGUSR1 it starts nothing new and ends when all processes are deleted. At
        SIGHUP it reads access token and certificates again. At SIGUSR2 it goes on
        as the procstar that is installed now.

        """

    private static let column = 27
    private static let width = 79

    private static func section(_ group: OptionGroup) -> String {
        let options = OptionName.allCases.filter { $0.group == group }
        return "\(group.rawValue):\n" + options.map(entry).joined()
    }

    /// An option and what it does, beside it or, where there is no room, below.
    private static func entry(_ option: OptionName) -> String {
        let short = option.short.map { "-\($0), " } ?? "    "
        let value = option.placeholder.map { " \($0)" } ?? ""
        let head = "  \(short)\(option.spelling)\(value)"
        let indent = String(repeating: " ", count: column)
        let lines = wrapped(option.summary, to: width - column)
        let isRoomy = head.count < column - 1
        let first = isRoomy ? head + indent.dropFirst(head.count) : head + "\n" + indent
        return first + lines.joined(separator: "\n" + indent) + "\n"
    }

    private static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        return lines + [line]
    }
}
