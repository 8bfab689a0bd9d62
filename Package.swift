// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let cFlags: [CSetting] = [
    .unsafeFlags([
        "-std=c17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wno-nullability-completeness",
    ]),
    // In every debug build, so that the tests trap on undefined behaviour.
    .unsafeFlags(["-fsanitize=undefined", "-fsanitize-trap=undefined"], .when(configuration: .debug)),
]

let package = Package(
    name: "procstar",
    products: [
        .executable(name: "procstar", targets: ["procstar"]),
        .executable(name: "procstar-keeper", targets: ["procstar-keeper"]),
    ],
    targets: [
        // What Swift's Glibc module hides.
        .target(name: "CLinux", cSettings: cFlags),
        // RFC 6455, HTTP/1.1 heads and TLS: bytes in, bytes and events out.
        .target(
            name: "CWebSocket", cSettings: cFlags,
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto"), .linkedLibrary("z")]),
        // What an agent and its keeper say to each other, and the reader of it.
        .target(name: "CKeeper", cSettings: cFlags),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Decisions: values and pure functions.
        .target(name: "ProcCore", swiftSettings: strict),
        // Effects that agent and scheduler share.
        .target(name: "ProcIO", dependencies: ["CLinux", "CWebSocket", "ProcCore"], swiftSettings: strict),
        // The engine: launching, watching and capturing processes.
        .target(
            name: "ProcAgent", dependencies: ["CKeeper", "CLinux", "CZlib", "ProcCore", "ProcIO"],
            swiftSettings: strict),
        .executableTarget(
            name: "procstar", dependencies: ["CLinux", "ProcCore", "ProcIO", "ProcAgent"], swiftSettings: strict),

        // Holds the agent's children, so that they outlive it. Debug builds let tests make its system calls fail.
        .executableTarget(
            name: "procstar-keeper", dependencies: ["CKeeper", "CLinux"],
            cSettings: cFlags + [.define("KEEPER_FAULTS", .when(configuration: .debug))],
            // One file that needs nothing; and nothing of Swift, which the linker would be told to add.
            linkerSettings: [
                .unsafeFlags(["-nostartfiles"]),
                .unsafeFlags(["-static-executable"], .when(configuration: .release)),
            ]),

        .target(
            name: "TestSupport", dependencies: ["CLinux", "ProcCore", "ProcIO"], path: "Tests/TestSupport",
            swiftSettings: strict),
        // A WebSocket server and client for the tests, the conformance suite and the measurements.
        .executableTarget(
            name: "websocket-peer", dependencies: ["ProcCore", "ProcIO"], path: "Tests/WebSocketPeer",
            swiftSettings: strict),
        // An agent in C, which tests the keeper.
        .executableTarget(
            name: "keeper-driver", dependencies: ["CKeeper", "CLinux"], path: "Tests/KeeperDriver", cSettings: cFlags),
        // A program that puts another in its place as an agent does.
        .executableTarget(
            name: "upgrade-driver", dependencies: ["CLinux", "ProcCore", "ProcAgent"], path: "Tests/UpgradeDriver",
            swiftSettings: strict),
        .testTarget(
            name: "KeeperTests",
            dependencies: [
                "CLinux", "ProcAgent", "ProcCore", "ProcIO", "TestSupport", "procstar-keeper", "keeper-driver",
                "upgrade-driver",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ProcCoreTests", dependencies: ["ProcCore", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "CWebSocketTests", dependencies: ["CWebSocket", "CZlib", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ProcAgentTests", dependencies: ["CLinux", "ProcCore", "ProcIO", "ProcAgent", "TestSupport"],
            exclude: ["WebSocket/Peers"],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: ["CLinux", "ProcCore", "ProcIO", "TestSupport", "procstar"],
            exclude: ["Agent/PythonServer"],
            swiftSettings: strict),
    ]
)
