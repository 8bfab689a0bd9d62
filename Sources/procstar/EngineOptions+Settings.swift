internal import ProcAgent
internal import ProcCore

extension EngineOptions {
    /// What the table of processes is set up with. Throws what is wrong with a pattern of `--restrict-exe`.
    func tableSettings() throws -> ProcessTable.Settings {
        var capture = CaptureSettings(directory: captureDirectory)
        capture.memoryEach = captureMemory
        capture.memoryTotal = captureMemoryTotal
        capture.compressAbove = compressAbove
        var settings = ProcessTable.Settings(capture: capture)
        settings.maxAttached = maxAttached
        settings.restriction = try ExecutableRestriction(restrictExe)
        return settings
    }
}
