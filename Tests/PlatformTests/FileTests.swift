import Bytes
import Platform
import Testing

@Suite struct FileTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let directory = try TemporaryDirectory()
        let file = try File.open(directory.file("a"), [.readWrite, .create, .exclusive])
        try file.write(ByteSlice("hello "))
        try file.write(ByteSlice("brave "), ByteSlice("world"))
        try file.write(ByteSlice("BRAVE"), at: 6)
        var buffer = ByteBuffer()
        var read = try file.read(at: 0, into: &buffer, maximum: 100)
        #expect(read == 17)
        #expect(buffer.readable == "hello BRAVE world")
        #expect(try file.size() == 17)
        try file.truncate(to: 5)
        #expect(try file.seekToEnd() == 5)
        buffer.removeAll()
        read = try file.read(at: 2, into: &buffer, maximum: 2)
        #expect(buffer.readable == "ll" && read == 2)
        try file.syncData()
        try file.sync()
        try file.startWriteback(offset: 0, length: 5)
    }

    @Test func aFileInMemoryIsReadFromItsBeginning() throws {
        let bytes = [UInt8](repeating: 7, count: 100_000) + [1, 2, 3]
        let file = try File.inMemory(bytes, name: "test")
        // As another process would read it: from where the descriptor stands.
        let again = try FileSystem.read(
            "/proc/self/fd/\(file.descriptor.number)", bytesMax: 1 << 20)
        #expect(again == bytes)
        #expect(try file.seekToEnd() == 100_003)
    }

    @Test func errorsNameTheCallThePathAndTheReason() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("missing")
        let error = #expect(throws: SystemError.self) { _ = try File.open(path, .read).size() }
        #expect(error?.isNotFound == true)
        #expect(error?.description == "open \(path): No such file or directory")
        _ = try File.open(directory.file("a"), [.write, .create]).size()
        let second = #expect(throws: SystemError.self) {
            _ = try File.open(directory.file("a"), [.write, .create, .exclusive]).size()
        }
        #expect(second?.isExisting == true)
    }

    @Test func aFullDiskIsTypedAndSaysHowMuchWasStored() throws {
        let file = try File.open("/dev/full", .write)
        let error = #expect(throws: ShortWrite.self) { try file.write(ByteSlice("x")) }
        #expect(error?.cause.isDiskFull == true)
        #expect(error?.written == 0)
        let pair = #expect(throws: ShortWrite.self) {
            try file.write(ByteSlice("x"), ByteSlice("y"))
        }
        #expect(pair?.cause.isDiskFull == true)
    }

    @Test func aLockKeepsASecondOwnerOut() throws {
        let directory = try TemporaryDirectory()
        var first = try File.open(directory.file("lock"), [.readWrite, .create])
        let second = try File.open(directory.file("lock"), [.readWrite, .create])
        #expect(try first.tryLock())
        #expect(try !second.tryLock())
        first.close()
        #expect(try second.tryLock())
    }

    @Test func reservedBlocksDoNotChangeTheLengthUnlessAsked() throws {
        let directory = try TemporaryDirectory()
        let file = try File.open(directory.file("a"), [.readWrite, .create])
        try file.allocate(offset: 0, length: 8_192, extending: false)
        #expect(try file.size() == 0)
        try file.allocate(offset: 0, length: 8_192, extending: true)
        #expect(try file.size() == 8_192)
    }

    @Test func mappedWordsReachTheFileAndComeBack() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("slot")
        do {
            let slot = try MappedFile(path: path, size: 64)
            #expect(slot.load(at: 0) == 0)
            slot.store(0x0102_0304_0506_0708, at: 8)
            slot.store(ByteSlice("tail"), at: 60)
            try slot.sync()
        }
        let bytes = try FileSystem.read(path, bytesMax: 64)
        #expect(bytes.count == 64)
        #expect(Array(bytes[8..<16]) == [8, 7, 6, 5, 4, 3, 2, 1])
        let again = try MappedFile(path: path, size: 64)
        #expect(again.load(at: 8) == 0x0102_0304_0506_0708)
        var buffer = ByteBuffer()
        again.load(at: 60, count: 4, into: &buffer)
        #expect(buffer.readable == "tail")
    }

    @Test func namesAreListedMovedAndRemoved() throws {
        let directory = try TemporaryDirectory()
        try FileSystem.replace(directory.file("b"), with: Array("one".utf8), permissions: 0o600)
        try FileSystem.replace(directory.file("a"), with: [])
        #expect(try FileSystem.list(directory.path) == ["a", "b"])
        #expect(try FileSystem.facts(directory.file("b"))?.permissions == 0o600)
        try FileSystem.replace(directory.file("b"), with: Array("two".utf8))
        #expect(try FileSystem.read(directory.file("b"), bytesMax: 3) == Array("two".utf8))
        #expect(throws: SystemError.self) {
            try FileSystem.read(directory.file("b"), bytesMax: 2)
        }
        try FileSystem.rename(directory.file("b"), to: directory.file("c"))
        try FileSystem.syncDirectory(directory.path)
        #expect(!FileSystem.exists(directory.file("b")))
        #expect(FileSystem.exists(directory.file("c")))
        #expect(try FileSystem.facts(directory.path)?.isDirectory == true)
        #expect(try FileSystem.freeBytes(at: directory.path) > 0)
    }

    @Test func directoriesAreMadeWithTheirParentsAndAgain() throws {
        let directory = try TemporaryDirectory()
        let deep = directory.file("x/y")
        for _ in 0..<2 { try FileSystem.makeDirectories(deep) }
        #expect(try FileSystem.facts(deep)?.isDirectory == true)
        try FileSystem.removeDirectory(deep)
        try FileSystem.removeDirectory(directory.file("x"))
        try FileSystem.replace(directory.file("x"), with: [])
        #expect(throws: SystemError.self) { try FileSystem.makeDirectory(directory.file("x")) }
    }

    @Test func directoryPartsOfPaths() {
        #expect(FileSystem.directory(of: "/a/b") == "/a")
        #expect(FileSystem.directory(of: "/a") == "/")
        #expect(FileSystem.directory(of: "a") == ".")
    }
}
