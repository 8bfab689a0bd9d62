/// Reads a spec's `systemd_properties`. Everything in it may be left out or null.
enum SystemdDecoder {
    private typealias Setting = SystemdProperties.Setting

    static func properties(_ value: Value) throws(SpecError) -> SystemdProperties {
        let fields = try SpecFields(value, keys: ["scope", "slice"])
        let slice = try fields.readNullable("slice", slice) ?? []
        return SystemdProperties(slice + (try fields.readNullable("scope", scope) ?? []))
    }

    private static let amounts: [(key: String, setting: @Sendable (UInt64) -> Setting)] = [
        ("memory_min", { .memoryMin($0) }),
        ("memory_low", { .memoryLow($0) }),
        ("memory_high", { .memoryHigh($0) }),
        ("memory_max", { .memoryMax($0) }),
        ("memory_swap_max", { .memorySwapMax($0) }),
        ("tasks_max", { .tasksMax($0) }),
    ]

    private static let sliceKeys = ["memory_accounting", "tasks_accounting"] + amounts.map(\.key)

    private static func slice(_ value: Value) throws(SpecError) -> [Setting] {
        let fields = try SpecFields(value, keys: sliceKeys)
        var settings: [Setting] = []
        if let on = try fields.readNullable("memory_accounting", flag) { settings.append(.memoryAccounting(on)) }
        if let on = try fields.readNullable("tasks_accounting", flag) { settings.append(.tasksAccounting(on)) }
        for (key, setting) in amounts {
            if let amount = try fields.readNullable(key, amount) { settings.append(setting(amount)) }
        }
        return settings
    }

    private static func scope(_ value: Value) throws(SpecError) -> [Setting] {
        let fields = try SpecFields(value, keys: ["oom_policy", "runtime_max_usec", "runtime_randomized_extra_usec"])
        let policy = try fields.readNullable("oom_policy") { value throws(SpecError) in
            try value.choice(SystemdProperties.OOMPolicy.self)
        }
        let runtime = try fields.readNullable("runtime_max_usec", amount)
        let extra = try fields.readNullable("runtime_randomized_extra_usec", amount)
        return [
            policy.map { .oomPolicy($0) }, runtime.map { .runtimeMaxUsec($0) },
            extra.map { .runtimeRandomizedExtraUsec($0) },
        ].compactMap { $0 }
    }

    private static func flag(_ value: Value) throws(SpecError) -> Bool { try value.bool() }

    private static func amount(_ value: Value) throws(SpecError) -> UInt64 { try value.unsigned() }
}
