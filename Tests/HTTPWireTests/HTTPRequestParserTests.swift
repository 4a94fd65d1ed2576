import Bytes
import Testing

@testable import HTTPWire

@Suite struct HTTPRequestParserTests {
    @Test func plainRequestIsRead() throws {
        let reading = readEveryWay(
            "GET /v1/clusters/demo?wait=30s&x=a%20b+c HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                + "Accept: text/plain \r\n\r\n")
        let request = try #require(reading.requests.first)
        #expect(request.method == .get)
        #expect(request.path == ["v1", "clusters", "demo"])
        #expect(request.query.map(\.name) == ["wait", "x"])
        #expect(request.query.map(\.value) == ["30s", "a b c"])
        #expect(request.fields["ACCEPT"] == "text/plain")
        #expect(request.isPersistent)
    }

    @Test func pipelinedRequestsKeepTheirOrderAndBodies() {
        let reading = readEveryWay(
            "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nonePOST /b HTTP/1.1\r\n"
                + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n1;x=y\r\n!\r\n0\r\n"
                + "Digest: z\r\n\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(reading.refusal == nil)
        #expect(reading.requests.map(\.path) == [["a"], ["b"], ["c"]])
        #expect(
            reading.requests.map { String(decoding: $0.body, as: UTF8.self) }
                == ["one", "two!", ""])
        #expect(reading.requests.map(\.isPersistent) == [true, true, false])
    }

    @Test func trailersNeverBecomeFields() {
        let reading = readEveryWay(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n"
                + "Authorization: Bearer x\r\n\r\n")
        #expect(reading.requests.first?.fields["authorization"] == nil)
        #expect(reading.requests.count == 1)
    }

    @Test func oldVersionClosesUnlessAskedToStay() {
        #expect(!readEveryWay("GET / HTTP/1.0\r\n\r\n").requests[0].isPersistent)
        #expect(
            readEveryWay("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
                .requests[0].isPersistent)
        #expect(readEveryWay("GET / HTTP/1.7\r\nHost: h\r\n\r\n").requests[0].isPersistent)
    }

    @Test func absoluteFormGivesThePath() {
        #expect(
            readEveryWay("GET http://a.b:80/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n").requests[0].path
                == ["x"])
        #expect(readEveryWay("GET http://[::1] HTTP/1.1\r\nHost: h\r\n\r\n").requests[0].path == [])
        #expect(
            readEveryWay("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").requests[0].target == "*")
    }

    @Test func expectationIsNotedUntilTheBodyComes() throws {
        var parser = HTTPRequestParser()
        let head = Array(
            "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n".utf8)
        let taken = try head.withByteSlice { try parser.parse($0) }
        #expect(taken == head.count)
        #expect(parser.awaitsContinue && parser.hasHead)
        #expect(try [0x78].withByteSlice { try parser.parse($0) } == 1)
        #expect(parser.phase == .complete)
        _ = parser.takeRequest()
        #expect(!parser.awaitsContinue && parser.isIdle)
    }

    @Test func emptyBodyNeedsNoContinue() throws {
        var parser = HTTPRequestParser()
        let head = Array(
            "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n".utf8)
        _ = try head.withByteSlice { try parser.parse($0) }
        #expect(!parser.awaitsContinue)
    }

    static let refused: [(HTTPRefusal, String)] = [
        (.malformedRequestLine, "GET  / HTTP/1.1\r\n"),
        (.malformedRequestLine, "GET /\r\n"),
        (.malformedRequestLine, " GET / HTTP/1.1\r\n"),
        (.malformedRequestLine, "GET / HTTP/1.1 \r\n"),
        (.malformedRequestLine, "G(T / HTTP/1.1\r\n"),
        (.unknownMethod, "BREW / HTTP/1.1\r\n"),
        (.unknownMethod, "get / HTTP/1.1\r\n"),
        (.unknownMethod, "CONNECT h:1 HTTP/1.1\r\n"),
        (.malformedTarget, "GET a/b HTTP/1.1\r\n"),
        (.malformedTarget, "GET * HTTP/1.1\r\n"),
        (.malformedTarget, "GET /a#b HTTP/1.1\r\n"),
        (.malformedTarget, "GET /\u{E9} HTTP/1.1\r\n"),
        (.malformedTarget, "GET http://u@h/ HTTP/1.1\r\n"),
        (.malformedTarget, "GET ftp://h/ HTTP/1.1\r\n"),
        (.malformedTarget, "GET /a\u{1}b HTTP/1.1\r\n"),
        (.malformedVersion, "GET / HTTP/1.10\r\n"),
        (.malformedVersion, "GET / http/1.1\r\n"),
        (.unsupportedVersion, "GET / HTTP/2.0\r\n"),
        (.bareLineFeed, "GET / HTTP/1.1\nHost: h\n\n"),
        (.bareLineFeed, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
        (.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"),
        (.bareCarriageReturn, "GET /\r HTTP/1.1\r\n"),
        (.foldedField, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"),
        (.foldedField, "GET / HTTP/1.1\r\n\tHost: h\r\n\r\n"),
        (.malformedFieldName, "GET / HTTP/1.1\r\nHost h\r\n\r\n"),
        (.malformedFieldName, "GET / HTTP/1.1\r\n: h\r\n\r\n"),
        (.malformedFieldName, "GET / HTTP/1.1\r\nX\u{E9}: h\r\n\r\n"),
        (.spaceBeforeColon, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
        (.malformedFieldValue, "GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n"),
        (.missingHost, "GET / HTTP/1.1\r\n\r\n"),
        (.repeatedHost, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        (.malformedHost, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        (.malformedHost, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (.malformedHost, "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"),
        (.malformedHost, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        (.malformedContentLength, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n"),
        (.malformedContentLength, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n"),
        (.malformedContentLength, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"),
        (.repeatedContentLength, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n"),
        (
            .repeatedContentLength,
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"
        ),
        (
            .lengthAndTransferEncoding,
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        (.transferEncodingInOldVersion, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (
            .unsupportedTransferEncoding,
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        ),
        (.chunkedNotLast, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        (
            .chunkedNotLast,
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n"
        ),
        (.chunkedNotLast, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n"),
        (.chunkedNotLast, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n"),
        (.unknownExpectation, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n"),
        (.malformedPercentEncoding, "GET /%2 HTTP/1.1\r\n"),
        (.malformedPercentEncoding, "GET /%zz HTTP/1.1\r\n"),
        (.malformedPercentEncoding, "GET /?a=% HTTP/1.1\r\n"),
        (.encodedSlash, "GET /a%2Fb HTTP/1.1\r\n"),
        (.encodedSlash, "GET /a%5cb HTTP/1.1\r\n"),
        (.dotSegment, "GET /a/../b HTTP/1.1\r\n"),
        (.dotSegment, "GET /a/%2e%2E/b HTTP/1.1\r\n"),
        (.dotSegment, "GET /. HTTP/1.1\r\n"),
        (.encodedControlCharacter, "GET /a%00 HTTP/1.1\r\n"),
        (.encodedControlCharacter, "GET /a%0d%0aX HTTP/1.1\r\n"),
        (.encodedControlCharacter, "GET /?a=%00 HTTP/1.1\r\n"),
        (.invalidUTF8, "GET /%ff HTTP/1.1\r\n"),
        (.malformedChunk, Self.chunked("x\r\n")),
        (.malformedChunk, Self.chunked("\r\n")),
        (.malformedChunk, Self.chunked("1 \r\n")),
        (.malformedChunk, Self.chunked("1\r\naX\r\n")),
        (.malformedChunk, Self.chunked("1\r\na\rX")),
        (.malformedChunk, Self.chunked("1;a\u{1}\r\n")),
        (.bareLineFeed, Self.chunked("1\nab")),
        (.spaceBeforeColon, Self.chunked("0\r\nA : b\r\n")),
        (.bodyTooLarge, Self.chunked("100001\r\n")),
        (.bodyTooLarge, Self.chunked("fffffffffffffffff\r\n")),
        (.bodyTooLarge, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"),
        (
            .bodyTooLarge,
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"
        ),
        (.chunkLineTooLong, Self.chunked("1;" + String(repeating: "a", count: 300) + "\r\n")),
        (.targetTooLong, "GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\n"),
        (
            .headTooLarge,
            "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 17_000) + "\r\n\r\n"
        ),
        (.headTooLarge, String(repeating: "\r\n", count: 9_000)),
        (
            .tooManyFields,
            "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "X: y\r\n", count: 100) + "\r\n"
        ),
        (
            .trailersTooLarge,
            Self.chunked("0\r\nX: " + String(repeating: "a", count: 5_000) + "\r\n\r\n")
        ),
    ]

    static func chunked(_ content: String) -> String {
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + content
    }

    @Test(arguments: refused.indices)
    func badBytesAreRefused(index: Int) {
        let (expected, text) = Self.refused[index]
        let reading = readEveryWay(text)
        #expect(reading.refusal == expected, "\(text.prefix(80).debugDescription)")
        #expect(reading.requests.isEmpty)
    }

    @Test func everyRefusalHasBytesAndASource() {
        let shown = Set(Self.refused.map { "\($0.0)" })
        for refusal in HTTPRefusal.allCases {
            #expect(shown.contains("\(refusal)"), "\(refusal) is shown by no bytes")
            #expect(refusal.text.contains("RFC "))
            #expect(refusal.status.code >= 400)
            #expect(refusal.status.reason != "Status")
        }
        #expect(Set(HTTPRefusal.allCases.map(\.text)).count >= HTTPRefusal.allCases.count - 1)
    }

    @Test func limitsAreExact() {
        let line = "GET /" + String(repeating: "a", count: 8_192 - 16) + " HTTP/1.1\r\n"
        #expect(line.utf8.count == 8_192)
        #expect(readEveryWay(line + "Host: h\r\n\r\n").requests.count == 1)
        #expect(
            readEveryWay("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n").refusal
                == nil)
    }
}
