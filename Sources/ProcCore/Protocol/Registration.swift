/// How an agent introduces itself: the contents of `Register`.
package struct Registration: Equatable, Sendable {
    /// Who the agent is, as a process.
    package struct Identity: Equatable, Sendable {
        package var pid: Int32
        package var ppid: Int32
        package var uid: UInt32
        package var euid: UInt32
        package var username: String
        package var gid: UInt32
        package var egid: UInt32
        package var groupname: String
        package var hostname: String

        package init(
            pid: Int32, ppid: Int32, uid: UInt32, euid: UInt32, username: String, gid: UInt32, egid: UInt32,
            groupname: String, hostname: String
        ) {
            self.pid = pid
            self.ppid = ppid
            self.uid = uid
            self.euid = euid
            self.username = username
            self.gid = gid
            self.egid = egid
            self.groupname = groupname
            self.hostname = hostname
        }
    }

    package var connID: String
    package var groupID: String
    /// The only executable that may be started; nil if any may.
    package var restrictedExe: String?
    package var identity: Identity
    /// All processes that the agent knows at this moment, in whatever state.
    package var procIDs: [String] = []
    package var accessToken: String
    package var shutdownState = AgentMessage.ShutdownState.active
    /// What the agent can do beyond the protocol. Without any, the field isn't there.
    package var features: [Feature] = []

    package init(
        connID: String, groupID: String, restrictedExe: String?, identity: Identity, accessToken: String
    ) {
        self.connID = connID
        self.groupID = groupID
        self.restrictedExe = restrictedExe
        self.identity = identity
        self.accessToken = accessToken
    }

    /// Servers build objects of `conn` and `proc` from exactly these keys: one more breaks them, as does one less.
    /// What is ours goes to the top level.
    var value: Value {
        var members = [
            Value.Member(
                "conn",
                .map([
                    Value.Member("conn_id", .string(connID)),
                    Value.Member("group_id", .string(groupID)),
                    Value.Member("restricted_exe", restrictedExe.map { .string($0) } ?? .null),
                ])),
            Value.Member("proc", identity.value),
            Value.Member("proc_ids", .array(procIDs.map { .string($0) })),
            Value.Member("access_token", .string(accessToken)),
            Value.Member("shutdown_state", .string(shutdownState.rawValue)),
        ]
        if !features.isEmpty {
            members.append(Value.Member("features", .array(features.map { .string($0.rawValue) })))
        }
        return AgentMessage.message("Register", members)
    }
}

extension Registration: CustomStringConvertible {
    /// Without the token, wherever a registration is printed.
    package var description: String { "registration of \(connID) in group \(groupID)" }
}

extension Registration.Identity {
    fileprivate var value: Value {
        .map([
            Value.Member("pid", .integer(pid)),
            Value.Member("ppid", .integer(ppid)),
            Value.Member("uid", .integer(uid)),
            Value.Member("euid", .integer(euid)),
            Value.Member("username", .string(username)),
            Value.Member("gid", .integer(gid)),
            Value.Member("egid", .integer(egid)),
            Value.Member("groupname", .string(groupname)),
            Value.Member("hostname", .string(hostname)),
        ])
    }
}
