/// The resource settings of a spec, as systemd names them. Those that are null or left out are not in the list.
package struct SystemdProperties: Equatable, Sendable {
    package enum OOMPolicy: String, CaseIterable, Sendable {
        case `continue`
        case stop
        case kill
    }

    /// One setting; memory counts bytes.
    package enum Setting: Equatable, Sendable {
        case memoryAccounting(Bool)
        case memoryMin(UInt64)
        case memoryLow(UInt64)
        case memoryHigh(UInt64)
        case memoryMax(UInt64)
        case memorySwapMax(UInt64)
        case tasksAccounting(Bool)
        case tasksMax(UInt64)
        case oomPolicy(OOMPolicy)
        case runtimeMaxUsec(UInt64)
        case runtimeRandomizedExtraUsec(UInt64)

        /// The key in the spec.
        package var name: String {
            switch self {
            case .memoryAccounting: "memory_accounting"
            case .memoryMin: "memory_min"
            case .memoryLow: "memory_low"
            case .memoryHigh: "memory_high"
            case .memoryMax: "memory_max"
            case .memorySwapMax: "memory_swap_max"
            case .tasksAccounting: "tasks_accounting"
            case .tasksMax: "tasks_max"
            case .oomPolicy: "oom_policy"
            case .runtimeMaxUsec: "runtime_max_usec"
            case .runtimeRandomizedExtraUsec: "runtime_randomized_extra_usec"
            }
        }

        /// How long the process may run. Zero stands for no limit, as an unset property does.
        package var runtime: Interval? {
            guard case .runtimeMaxUsec(let microseconds) = self, microseconds > 0 else { return nil }
            let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
            return Interval(nanoseconds: overflow ? .max : nanoseconds)
        }

        /// Whether the process would be treated differently by a cgroup manager, so that leaving it undone must be
        /// told. Accounting alone changes nothing for the process, nor does a protection or an extra time of zero; and
        /// how long it runs, we see to ourselves.
        package var constrains: Bool {
            switch self {
            case .memoryAccounting, .tasksAccounting: false
            case .memoryMin(let amount), .memoryLow(let amount), .runtimeRandomizedExtraUsec(let amount): amount > 0
            case .memoryHigh, .memoryMax, .memorySwapMax, .tasksMax, .oomPolicy: true
            case .runtimeMaxUsec: false
            }
        }
    }

    package var settings: [Setting]

    package init(_ settings: [Setting] = []) { self.settings = settings }

    /// The limits that nothing enforces where there is no cgroup manager.
    package var unenforced: [String] { settings.filter(\.constrains).map(\.name) }

    /// The longest that the process may run; nil when there is no limit.
    package var runtime: Interval? { settings.lazy.compactMap(\.runtime).first }
}
