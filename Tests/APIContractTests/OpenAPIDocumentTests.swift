import HTTPWire
import Testing

@testable import APIContract

@Suite struct OpenAPIDocumentTests {
    static let document = OpenAPIDocument(
        info: OpenAPIInfo(
            title: "T", version: "1", summary: "S", tags: [.init("things", "Things.")],
            pathParameters: ["t": JSONSchema.string(pattern: "[a-z]+").described("Name.")]),
        routes: [
            Route(
                method: .get, path: "/v1/things/{t}", operation: "getThing", scope: .view,
                tag: "things",
                replies: [.json(.ok, "It.", .reference("Thing")).also("text/plain")],
                summary: "Reads a thing.", handler: 0),
            Route(
                method: .put, path: "/v1/things/{t}", operation: "putThing", scope: .administer,
                tag: "things", parameters: [.header("If-Match", .string, "Entity tag.")],
                request: .reference("Thing"),
                replies: [
                    RouteReply(
                        .noContent, "Stored.", fields: [RouteField("ETag", "The new one.")])
                ], summary: "Writes a thing.", handler: 0),
            Route(
                method: .get, path: "/livez", operation: "live", scope: .open, tag: "things",
                replies: [.json(.ok, "Alive.", .any)], summary: "s", handler: 0),
        ],
        catalogue: SchemaCatalogue([
            .init("Thing", .object([.required("a", .count)])), .init("Problem", .any),
        ])
    ).rendered

    @Test func rowsBecomeOperations() {
        let get = Self.document["paths"]?["/v1/things/{t}"]?["get"]
        #expect(get?["operationId"] == "getThing")
        #expect(get?["security"] == [["bearer": []]])
        #expect(get?["x-required-role"] == "viewer")
        #expect(
            get?["responses"]?["200"]?["content"]?["application/json"]?["schema"]
                == ["$ref": "#/components/schemas/Thing"])
        #expect(get?["responses"]?["200"]?["content"]?["text/plain"] != nil)
        #expect(get?["responses"]?["404"] == ["$ref": "#/components/responses/Problem"])
        #expect(Self.document["paths"]?["/livez"]?["get"]?["security"] == [])
        #expect(Self.document["paths"]?["/livez"]?["get"]?["responses"]?["401"] == nil)
    }

    @Test func conditionalWritesPromiseTheirStatuses() {
        let put = Self.document["paths"]?["/v1/things/{t}"]?["put"]
        for status in ["204", "400", "401", "403", "404", "409", "412", "413", "415", "422", "428"]
        {
            #expect(put?["responses"]?[status] != nil, "\(status)")
        }
        #expect(put?["requestBody"]?["required"] == true)
        #expect(put?["parameters"] != nil)
        #expect(put?["responses"]?["204"]?["headers"]?["ETag"] != nil)
    }

    @Test func pathParametersAreDescribedOncePerPath() {
        #expect(
            Self.document["paths"]?["/v1/things/{t}"]?["parameters"]
                == [
                    [
                        "name": "t", "in": "path", "description": "Name.", "required": true,
                        "schema": ["type": "string", "pattern": "^(?:[a-z]+)$"],
                    ]
                ])
    }
}
