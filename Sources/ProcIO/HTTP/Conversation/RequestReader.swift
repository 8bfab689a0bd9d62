internal import CWebSocket

/// What frames the body of a request.
package enum RequestBody: Equatable, Sendable {
    case none
    /// So many bytes, maybe 0.
    case length(UInt64)
    case chunked
}

/// Finds the requests in the bytes of a connection: heads, and what is data of their bodies.
///
/// It holds no bytes: it is shown those that wait, and says how many of them it is through with.
struct RequestReader {
    enum Step {
        /// Nothing, without more bytes.
        case more
        case request(HTTPHead, RequestBody, taken: Int)
        /// `data` is within those that are taken, and maybe empty.
        case data(Range<Int>, taken: Int)
        /// The body is over. The next step begins another request.
        case end(taken: Int)
        /// Nothing on this connection can be trusted any more.
        case failed(HTTPHead.Failure)
    }

    private enum Place {
        case head(HTTPHeadPatience)
        case length(left: UInt64)
        case chunks(cws_http_chunks)
        case lost(HTTPHead.Failure)
    }

    private let limits: HTTPHead.Limits
    private var place = Place.head(HTTPHeadPatience())

    init(_ limits: HTTPHead.Limits) { self.limits = limits }

    /// Sets the most that a body in chunks may have, before its first byte has been looked at. There is no limit before.
    mutating func limitChunks(to count: UInt64) {
        guard case .chunks = place else { return }
        place = .chunks(chunks(upTo: count))
    }

    private func chunks(upTo count: UInt64) -> cws_http_chunks {
        var chunks = cws_http_chunks()
        var cLimits = limits.forC
        cws_http_chunks_init(&chunks, count, &cLimits)
        return chunks
    }

    mutating func next(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        switch place {
        case .head(let patience): head(bytes, patience)
        case .length(let left): data(bytes, left)
        case .chunks(let chunks): chunk(bytes, chunks)
        case .lost(let failure): .failed(failure)
        }
    }

    private mutating func fail(_ code: CInt) -> Step {
        let failure = HTTPHead.Failure(code: code)
        place = .lost(failure)
        return .failed(failure)
    }

    private mutating func head(_ bytes: UnsafeBufferPointer<UInt8>, _ patience: HTTPHeadPatience) -> Step {
        var patience = patience
        guard patience.isWorthALook(bytes) || bytes.count >= limits.head else {
            place = .head(patience)
            return .more
        }
        let found: (head: HTTPHead, size: Int)?
        do throws(HTTPHead.Failure) {
            found = try HTTPHead.decode(.request, bytes, within: limits)
        } catch {
            return fail(error.code)
        }
        guard let (head, size) = found else {
            place = .head(patience)
            return .more
        }
        var framing = cws_http_body()
        let result = head.withC { cws_http_request_body($0, $1, &framing) }
        guard result == 0 else { return fail(result) }
        switch framing.kind {
        case CWS_HTTP_BODY_LENGTH:
            place = .length(left: framing.length)
            return .request(head, .length(framing.length), taken: size)
        case CWS_HTTP_BODY_CHUNKED:
            place = .chunks(chunks(upTo: .max))
            return .request(head, .chunked, taken: size)
        default:
            place = .head(HTTPHeadPatience())
            return .request(head, .none, taken: size)
        }
    }

    private mutating func data(_ bytes: UnsafeBufferPointer<UInt8>, _ left: UInt64) -> Step {
        guard left > 0 else {
            place = .head(HTTPHeadPatience())
            return .end(taken: 0)
        }
        guard !bytes.isEmpty else { return .more }
        let count = Int(min(left, UInt64(bytes.count)))
        place = .length(left: left - UInt64(count))
        return .data(0..<count, taken: count)
    }

    private mutating func chunk(_ bytes: UnsafeBufferPointer<UInt8>, _ chunks: cws_http_chunks) -> Step {
        var chunks = chunks
        if cws_http_chunks_complete(&chunks) {
            place = .head(HTTPHeadPatience())
            return .end(taken: 0)
        }
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return .more }
        var span = cws_http_span()
        let taken = cws_http_chunks_decode(&chunks, start, bytes.count, &span)
        guard taken >= 0 else { return fail(taken) }
        place = .chunks(chunks)
        return .data(Int(span.at)..<Int(span.at + span.len), taken: Int(taken))
    }
}
