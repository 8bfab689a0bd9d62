internal import CLinux
internal import Glibc

/// A process that holds the lock of a folder, as an agent or a keeper does, and nothing else.
package final class LockHolder {
    private let run: ProgramRun
    package var pid: CInt { run.pid }

    /// Makes the folder if need be.
    ///
    /// - Parameters:
    ///   - writing: What it writes into the lock in place of its own pid.
    ///   - more: What it does then, in Python; `folder` is the folder.
    package init(of folder: String, _ name: String = "agent.lock", writing: String? = nil, more: String = "") throws {
        let script = """
            import fcntl, os, signal, sys
            folder = sys.argv[1]
            os.makedirs(folder, 0o700, exist_ok=True)
            lock = os.open(f"{folder}/{sys.argv[2]}", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.pwrite(lock, (sys.argv[3] or str(os.getpid())).encode(), 0)
            exec(sys.argv[4])
            print("held", flush=True)
            while True: signal.pause()
            """
        run = try ProgramRun(Python.argv(script, [folder, name, writing ?? "", more]))
        guard run.waitForOutput("held") else { throw Failure(description: run.finish().errorText) }
    }

    package struct Failure: Error, CustomStringConvertible { package let description: String }

    /// Reads what it prints until `text` has come; false at its end.
    package func waitForOutput(_ text: String) -> Bool { run.waitForOutput(text) }

    /// Ends it as a crash does.
    package func kill() {
        run.signal(SIGKILL)
        _ = run.finish()
    }
}
