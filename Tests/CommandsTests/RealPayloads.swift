import Foundation

/// What real servers answered to DUMP, by producer and key: Tests/Fixtures/dump-payloads.json.
enum RealPayloads {
    static let all: [String: [UInt8]] = {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/dump-payloads.json")
        guard let data = try? Data(contentsOf: url),
            let texts = try? JSONDecoder().decode([String: String].self, from: data)
        else { return [:] }
        return texts.compactMapValues { Data(base64Encoded: $0).map { [UInt8]($0) } }
    }()
}
