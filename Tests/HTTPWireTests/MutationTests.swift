// Mutates valid requests with a seeded generator: the parser must never trap, never read another
// result from the same bytes cut differently, and never let content exceed its limit.
import Testing

@testable import HTTPWire

@Suite struct MutationTests {
    static let seeds = [
        "GET /v1/clusters/demo?wait=30s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n",
        "PUT /v1/c%20d HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
        "POST /x HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n"
            + "0\r\nT: r\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    ]
    static let tokens = [
        "\r\n", "\n", "\r", " ", ":", "0", "%2f", "%", "Content-Length: 5\r\n", "HTTP/1.1", "\0",
        "Transfer-Encoding: chunked\r\n", "Host: x\r\n", "..", "/", "?", ";", "ffffffff",
    ]

    @Test(arguments: 0..<8)
    func mutatedRequestsAreReadTheSameHoweverTheyAreCut(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        var limits = HTTPLimits()
        limits.bodyBytesMax = 64
        limits.headBytesMax = 400
        limits.requestLineBytesMax = 200
        limits.trailerBytesMax = 60
        for _ in 0..<400 {
            var bytes = Array(Self.seeds[random(Self.seeds.count)].utf8)
            for _ in 0...random(4) {
                let position = random(bytes.count)
                switch random(4) {
                case 0: bytes[position] = UInt8(random(256))
                case 1: bytes.remove(at: position)
                case 2:
                    bytes.insert(
                        contentsOf: Self.tokens[random(Self.tokens.count)].utf8, at: position)
                default:
                    let end = min(bytes.count, position + random(30))
                    bytes.insert(contentsOf: Array(bytes[position..<end]), at: random(bytes.count))
                }
            }
            let whole = read(bytes, pieces: bytes.count, limits: limits)
            for pieces in [1, 2 + random(20)] {
                let split = read(bytes, pieces: pieces, limits: limits)
                #expect(split.requests == whole.requests, "\(bytes)")
                #expect(split.refusal == whole.refusal, "\(bytes)")
            }
            for request in whole.requests {
                #expect(request.body.count <= limits.bodyBytesMax)
                for part in request.path {
                    #expect(!part.contains("/") && part != ".." && !part.utf8.contains(0))
                }
            }
        }
    }
}
