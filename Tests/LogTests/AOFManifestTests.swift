// The manifest: what real servers write, what they refuse, and in which words.
import Bytes
import Log
import Testing

@Suite struct AOFManifestTests {
    private func parse(_ text: String) throws(AOFManifestError) -> AOFManifest {
        var failure: AOFManifestError?
        var manifest = AOFManifest()
        [UInt8](text.utf8).withByteSlice { slice in
            do throws(AOFManifestError) {
                manifest = try AOFManifest(parsing: slice)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return manifest
    }

    private func format(_ manifest: AOFManifest) -> String {
        var output = ByteBuffer()
        manifest.format(into: &output)
        return output.readable.string
    }

    @Test func linesOfRealServersSurviveTheRoundTrip() throws {
        let text = """
            file appendonly.aof.2.base.rdb seq 2 type b
            file appendonly.aof.1.incr.aof seq 1 type h
            file appendonly.aof.2.incr.aof seq 2 type i
            file appendonly.aof.3.incr.aof seq 3 type i

            """
        let manifest = try parse(text)
        #expect(manifest.base == .init(name: "appendonly.aof.2.base.rdb", sequence: 2))
        #expect(manifest.history.map(\.sequence) == [1])
        #expect(manifest.increments.map(\.sequence) == [2, 3])
        #expect(manifest.incrementSequence == 3 && manifest.baseSequence == 2)
        #expect(format(manifest) == text)
    }

    @Test func commentsUnknownPairsAndQuotesAreUnderstood() throws {
        let manifest = try parse(
            "# made by hand\nseq 4 type i extra \"x y\" file \"a \\\"b\\\".4.incr.aof\"\n")
        #expect(manifest.increments == [.init(name: "a \"b\".4.incr.aof", sequence: 4)])
        #expect(format(manifest) == "file \"a \\\"b\\\".4.incr.aof\" seq 4 type i\n")
        #expect(try parse(format(manifest)) == manifest)
    }

    @Test(arguments: [
        ("", 0, "Found an empty AOF manifest"),
        ("file a seq 1 type b", 1, "The AOF manifest file contains too long line"),
        (
            "file \(String(repeating: "a", count: 1024)) seq 1 type b\n", 1,
            "The AOF manifest file contains too long line"
        ),
        ("\n", 1, "Invalid AOF manifest file format"),
        ("file a seq 1\n", 1, "Invalid AOF manifest file format"),
        ("file a seq 1 type b x\n", 1, "Invalid AOF manifest file format"),
        ("file a seq x type b\n", 1, "Invalid AOF manifest file format"),
        ("file a seq 9223372036854775807 type b\n", 1, "Invalid AOF manifest file format"),
        ("file \"a seq 1 type b\n", 1, "Invalid AOF manifest file format"),
        ("file a/b seq 1 type b\n", 1, "File can't be a path, just a filename"),
        (
            "file a seq 1 type b\nfile b seq 2 type b\n", 2,
            "Found duplicate base file information"
        ),
        (
            "file a seq 2 type i\nfile b seq 2 type i\n", 2, "Found a non-monotonic sequence number"
        ),
        ("file a seq 1 type q\n", 1, "Unknown AOF file type"),
    ])
    func badManifestsAreRefusedInRedisWords(text: String, line: Int, reason: String) {
        do throws(AOFManifestError) {
            let manifest = try parse(text)
            Issue.record("accepted as \(manifest)")
        } catch {
            #expect(error.line == line && error.reason == reason)
        }
    }

    @Test func namesFollowTheConvention() {
        #expect(AOFManifest.fileName("appendonly.aof") == "appendonly.aof.manifest")
        #expect(AOFManifest.temporaryFileName("a.aof") == "temp-a.aof.manifest")
        #expect(AOFManifest.baseName("appendonly.aof", sequence: 2) == "appendonly.aof.2.base.rdb")
        #expect(AOFManifest.incrementName("a.aof", sequence: 12) == "a.aof.12.incr.aof")
    }

    @Test func damagedManifestsNeverStopTheProcess() {
        let text = [UInt8]("file a.1.base.rdb seq 1 type b\nfile \"b\\x41\" seq 1 type i\n".utf8)
        for index in text.indices {
            for value: UInt8 in [0, 0x0A, 0x20, 0x22, 0x27, 0x5C, 0x80, 0xFF] {
                var damaged = text
                damaged[index] = value
                damaged.withByteSlice { slice in
                    if let manifest = try? AOFManifest(parsing: slice) {
                        #expect(manifest.increments.count + manifest.history.count <= 2)
                    }
                }
            }
        }
    }
}
