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
        .executable(name: "procstar", targets: ["procstar"])
    ],
    targets: [
        // What Swift's Glibc module hides.
        .target(name: "CLinux", cSettings: cFlags),
        // RFC 6455, HTTP/1.1 heads and TLS: bytes in, bytes and events out.
        .target(
            name: "CWebSocket", cSettings: cFlags,
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto"), .linkedLibrary("z")]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Decisions: values and pure functions.
        .target(name: "ProcCore", swiftSettings: strict),
        // Effects that agent and scheduler share.
        .target(name: "ProcIO", dependencies: ["CLinux", "CWebSocket", "ProcCore"], swiftSettings: strict),
        // The engine: launching, watching and capturing processes.
        .target(name: "ProcAgent", dependencies: ["CLinux", "CZlib", "ProcCore", "ProcIO"], swiftSettings: strict),
        .executableTarget(
            name: "procstar", dependencies: ["CLinux", "ProcCore", "ProcIO", "ProcAgent"], swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["CLinux", "ProcCore", "ProcIO"], path: "Tests/TestSupport",
            swiftSettings: strict),
        // A WebSocket server and client for the tests, the conformance suite and the measurements.
        .executableTarget(
            name: "websocket-peer", dependencies: ["ProcCore", "ProcIO"], path: "Tests/WebSocketPeer",
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
