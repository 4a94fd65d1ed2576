import Bytes
import Testing

@testable import HTTPWire

@Suite struct ResponseTests {
    func written(
        _ response: HTTPResponse, _ method: HTTPMethod = .get, isPersistent: Bool = true
    ) -> String {
        var output = ByteBuffer()
        HTTPResponseWriter.write(
            response, answering: method, isPersistent: isPersistent, date: "D", into: &output)
        return output.readable.string
    }

    @Test func contentAndLengthAreWritten() {
        #expect(
            written(HTTPResponse(.ok, text: "hi"))
                == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Length: 2\r\n\r\nhi")
    }

    @Test func headAnnouncesTheLengthWithoutContent() {
        #expect(written(HTTPResponse(.ok, text: "hi"), .head).hasSuffix("Length: 2\r\n\r\n"))
    }

    @Test func statusesWithoutContentHaveNoLength() {
        for status in [HTTPStatus.noContent, .notModified] {
            #expect(!written(HTTPResponse(status, body: [1])).contains("Length"))
        }
    }

    @Test func lastResponseSaysClose() {
        #expect(
            written(HTTPResponse(.notFound), isPersistent: false).contains("Connection: close\r\n"))
    }

    @Test func fieldValuesCannotSplitTheResponse() {
        var response = HTTPResponse(.ok)
        response.fields.append("X-Request-Id", "a\r\nSet-Cookie: b")
        #expect(!written(response).contains("\r\nSet-Cookie"))
    }

    @Test func chunksCarryTheirLengthInHexadecimal() {
        var output = ByteBuffer()
        HTTPResponseWriter.writeStreamHead(
            .ok, fields: HTTPFields([("A", "b")]), isChunked: true, date: "D", into: &output)
        HTTPResponseWriter.writeChunk(ByteSlice("0123456789abcdefg"), into: &output)
        HTTPResponseWriter.writeChunk(ByteSlice(), into: &output)
        HTTPResponseWriter.writeLastChunk(into: &output)
        #expect(
            output.readable.string
                == "HTTP/1.1 200 OK\r\nDate: D\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "11\r\n0123456789abcdefg\r\n0\r\n\r\n")
    }

    @Test(
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(Int64, String)])
    func datesAreFixed(seconds: Int64, text: String) {
        #expect(HTTPDate.text(unixSeconds: seconds) == text)
    }

    @Test func templatesMatchWholeSegments() {
        let template = RouteTemplate("/v1/clusters/{c}/nodes/{n}")
        #expect(template.parameterNames == ["c", "n"])
        #expect(
            template.match(["v1", "clusters", "demo", "nodes", "n1"]) == ["c": "demo", "n": "n1"])
        #expect(template.match(["v1", "clusters", "demo", "nodes"]) == nil)
        #expect(template.match(["v1", "clusters", "", "nodes", "n1"]) == nil)
        #expect(RouteTemplate("/").match([]) == [:])
    }

    @Test func repeatedFieldsAreJoined() {
        let fields = HTTPFields([("Accept", "a"), ("ACCEPT", " b , c")])
        #expect(fields["accept"] == "a,  b , c")
        #expect(fields.tokens("accept") == ["a", "b", "c"])
        #expect(fields.count(of: "Accept") == 2)
    }
}
