extension ReceivedMessage {
    /// How many values a message may hold in all: enough for 100,000 processes, and some 400 MB of memory at worst.
    package static let valueLimit = 8 << 20
    /// How deep they may nest: one level less than may be read, so that whoever sends the message can read an answer
    /// that has it inside.
    static let depthLimit = MessagePackReader.defaultDepthLimit - 1

    /// Reads one message.
    ///
    /// Fields that a type of message doesn't know are ignored. An integer may have any of MessagePack's forms, but not
    /// that of a float, even a whole one: none of the known servers writes it, and 2^53 + 1 would be read as 2^53.
    ///
    /// - Parameter features: What was agreed on, which says what types there are.
    package init(
        parsing bytes: [UInt8], features: Set<Feature>, valueLimit: Int = valueLimit
    ) throws(MessageRefusal) {
        let document: Value
        do throws(MessagePackError) {
            document = try MessagePackReader.read(bytes, depthLimit: Self.depthLimit, valueLimit: valueLimit)
        } catch {
            throw MessageRefusal(.encoding(error), document: MessageSalvage.echo(of: bytes, valueLimit: valueLimit))
        }
        guard case .map = document else { throw MessageRefusal(.notMap(found: Quoted.value(document)), document: nil) }
        guard case .string(let type)? = document["type"] else {
            throw MessageRefusal(.typeMissing, document: MessageSalvage.isRoutable(document) ? document : nil)
        }
        guard let decode = ServerMessage.decoder(of: type, features: features) else {
            // Always answered: whoever sends this can't be a server that doesn't expect an answer.
            throw MessageRefusal(.unknownType(type), document: document)
        }
        do throws(SpecError) {
            message = try decode(MessageFields(document))
        } catch {
            throw MessageRefusal(
                .content(type: type, error), document: MessageSalvage.isRoutable(document) ? document : nil)
        }
        self.document = document
    }
}

extension ServerMessage {
    fileprivate typealias Decoder = (MessageFields) throws(SpecError) -> ServerMessage

    fileprivate static func decoder(of type: String, features: Set<Feature>) -> Decoder? {
        switch type {
        case "Registered": registered
        case "ProcStartRequest": procStartRequest
        case "ProcidListRequest": { fields throws(SpecError) in .procidListRequest }
        case "ProcResultRequest": { fields throws(SpecError) in .procResultRequest(procID: try fields.procID()) }
        case "ProcSignalRequest": procSignalRequest
        case "ProcFdDataRequest": procFdDataRequest
        case "ProcDeleteRequest": { fields throws(SpecError) in .procDeleteRequest(procID: try fields.procID()) }
        default: features.contains(.push) ? pushDecoder(of: type) : nil
        }
    }

    private static func pushDecoder(of type: String) -> Decoder? {
        switch type {
        case "ProcSubscribeRequest":
            { fields throws(SpecError) in
                .procSubscribeRequest(procID: try fields.procID(), terms: try SubscriptionTerms(fields))
            }
        case "ProcUnsubscribeRequest":
            { fields throws(SpecError) in .procUnsubscribeRequest(procID: try fields.procID()) }
        case "ProcOutputAck":
            { fields throws(SpecError) in
                .procOutputAck(
                    procID: try fields.procID(), fd: try fields.fd(),
                    offset: try fields.require("offset") { value throws(SpecError) in try value.unsigned() })
            }
        default: nil
        }
    }

    private static func registered(_ fields: MessageFields) throws(SpecError) -> ServerMessage {
        let names =
            try fields.readNullable("features") { value throws(SpecError) in
                try value.elements("an array of names") { name throws(SpecError) in try name.string() }
            } ?? []
        return .registered(features: Set(names.compactMap(Feature.init(rawValue:))))
    }

    private static func procStartRequest(_ fields: MessageFields) throws(SpecError) -> ServerMessage {
        .procStartRequest(
            specs: try fields.require("specs") { value throws(SpecError) in
                guard case .map = value else { throw value.isNot("an object from process id to spec") }
                return value
            })
    }

    private static func procSignalRequest(_ fields: MessageFields) throws(SpecError) -> ServerMessage {
        let procID = try fields.procID()
        let number = try fields.require("signum") { value throws(SpecError) in
            try value.integer(0...64, "the number of a signal, from 0 to 64")
        }
        return .procSignalRequest(procID: procID, signal: Signal(number))
    }

    private static func procFdDataRequest(_ fields: MessageFields) throws(SpecError) -> ServerMessage {
        .procFdDataRequest(procID: try fields.procID(), fd: try fields.fd(), range: try OutputRange(fields))
    }
}
