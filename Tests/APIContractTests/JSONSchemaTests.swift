import Foundation
import Testing

@testable import APIContract

@Suite struct JSONSchemaTests {
    static let catalogue = SchemaCatalogue([
        .init(
            "Tree",
            .object([
                .required("node", .string(pattern: "[a-z][a-z0-9]*", lengthMax: 8)),
                .optional("replicas", .array(of: .reference("Tree"), countMax: 3)),
                .optional("labels", .map(of: .string(lengthMax: 3))),
                .optional("port", .integer(1...65_535)),
                .optional("role", .choice(["a", "b"])),
                .optional("note", JSONSchema.string.orNull),
                .optional("on", .boolean), .optional("ratio", .number), .optional("x", .any),
            ]))
    ])

    func violations(_ text: String) throws -> [String] {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        return JSONSchema.reference("Tree").violations(of: value, in: Self.catalogue)
            .map { $0.pointer + " " + $0.detail }
    }

    @Test func fittingDocumentsPass() throws {
        #expect(
            try violations(
                """
                {"node":"n1","replicas":[{"node":"n2"},{"node":"n3","replicas":[]}],"note":null,
                 "labels":{"a":"b"},"port":1.0,"role":"a","on":true,"ratio":0.5,"x":[1]}
                """) == [])
    }

    @Test func everyViolationHasItsPointer() throws {
        #expect(
            try violations(
                #"{"replicas":[{"node":"N"},{"nod":"n"}],"a/b~c":1,"port":0,"on":1,"role":"c"}"#)
                == [
                    "/node is required",
                    "/a~1b~0c is not a field here; the fields are: "
                        + "node, replicas, labels, port, role, note, on, ratio, x",
                    "/on must be true or false", "/port must be at least 1",
                    "/replicas/0/node must match [a-z][a-z0-9]*", "/replicas/1/node is required",
                    "/replicas/1/nod is not a field here; the fields are: "
                        + "node, replicas, labels, port, role, note, on, ratio, x",
                    "/role must be one of: a, b",
                ])
    }

    @Test(arguments: [
        (#"[]"#, " must be an object"), (#"{"node":1}"#, "/node must be a string"),
        (#"{"node":"abcdefghi"}"#, "/node must have at most 8 characters"),
        (#"{"node":"a\n"}"#, "/node must match [a-z][a-z0-9]*"),
        (#"{"node":"a","port":1.5}"#, "/port must be an integer"),
        (#"{"node":"a","port":true}"#, "/port must be an integer"),
        (#"{"node":"a","port":70000}"#, "/port must be at most 65535"),
        (#"{"node":"a","labels":{"k":"long"}}"#, "/labels/k must have at most 3 characters"),
        (#"{"node":"a","replicas":{}}"#, "/replicas must be an array"),
        (#"{"node":"a","note":3}"#, "/note must be a string"),
        (#"{"node":"a","ratio":"1"}"#, "/ratio must be a number"),
    ])
    func wrongValuesAreNamed(text: String, violation: String) throws {
        #expect(try violations(text) == [violation])
    }

    @Test func datesMustExist() {
        let catalogue = SchemaCatalogue([])
        func fits(_ text: String) -> Bool {
            JSONSchema.dateTime.violations(of: .string(text), in: catalogue).isEmpty
        }
        #expect(fits("2024-02-29T00:00:00Z") && fits("2000-02-29T23:59:59.123456789Z"))
        for text in [
            "2041-02-30T20:37:14Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00+01:00", "2024-01-01", "",
        ] {
            #expect(!fits(text), "\(text)")
        }
    }

    @Test func depthAndNumberOfViolationsAreBounded() throws {
        let deep =
            String(repeating: #"{"node":"a","replicas":["#, count: 100)
            + String(repeating: "]}", count: 100)
        #expect(try violations(deep).last?.contains("deeper") == true)
        let many =
            #"{"node":"a","labels":{"#
            + (0..<100).map { "\"k\($0)\":1" }
            .joined(separator: ",") + "}}"
        #expect(try violations(many).count == JSONSchema.violationsMax)
    }

    @Test func valuesKeepTheirTypesThroughCoding() throws {
        let text = #"{"a":[1,1.5,true,null,"x",{}],"b":9223372036854775807}"#
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(value.jsonText == text)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        #expect(String(decoding: try encoder.encode(value), as: UTF8.self) == text)
        #expect(value["a"] == [1, 1.5, true, .null, "x", [:]])
    }
}
