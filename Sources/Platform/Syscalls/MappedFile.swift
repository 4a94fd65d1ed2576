// A small file in shared memory, changed in place: the tail slot of the log's index.
//
//   file │ 0 … size-1 │   mapped whole, read and write, shared
//
// Invariants
//   base points at `size` mapped bytes while the value lives; words are 8-byte aligned.
//
// What is stored survives the death of the process at once (the kernel owns the page), and a power
// loss after `sync`. A kill may fall between any two stores, so that a record of several words
// needs its own check sum or sequence number.
public import Bytes
import CLinux
import Glibc

/// A file mapped into memory.
@safe
public struct MappedFile: ~Copyable {
    private let base: UnsafeMutableRawPointer
    /// Mapped bytes.
    public let size: Int

    /// Opens or makes the file, gives it exactly `size` bytes, and maps it. New bytes are zero; the
    /// blocks are reserved, since a full disk would otherwise show as a fatal SIGBUS at a store.
    public init(path: String, size: Int) throws(SystemError) {
        precondition(size > 0, "an empty file cannot be mapped")
        let file = try File.open(path, [.readWrite, .create])
        if try file.size() != Int64(size) { try file.truncate(to: Int64(size)) }
        try file.allocate(offset: 0, length: Int64(size), extending: true)
        let mapped = unsafe mmap(
            nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor.number, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw SystemError(call: "mmap", code: errno, subject: path)
        }
        unsafe base = mapped
        self.size = size
    }

    deinit { unsafe munmap(base, size) }

    /// The word at a byte offset that is a multiple of 8, in the machine's order.
    public borrowing func load(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= size - 8 && offset % 8 == 0, "outside the mapping")
        return unsafe base.load(fromByteOffset: offset, as: UInt64.self)
    }

    /// Stores a word at a byte offset that is a multiple of 8, in the machine's order.
    public borrowing func store(_ word: UInt64, at offset: Int) {
        precondition(offset >= 0 && offset <= size - 8 && offset % 8 == 0, "outside the mapping")
        unsafe base.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
    }

    /// Copies bytes in.
    public borrowing func store(_ bytes: ByteSlice, at offset: Int) {
        precondition(offset >= 0 && bytes.count <= size - offset, "outside the mapping")
        unsafe bytes.withUnsafeBytes { raw in
            if let start = raw.baseAddress {
                unsafe (base + offset).copyMemory(from: start, byteCount: raw.count)
            }
        }
    }

    /// Copies bytes out, to the end of `buffer`.
    public borrowing func load(at offset: Int, count: Int, into buffer: inout ByteBuffer) {
        precondition(offset >= 0 && count >= 0 && count <= size - offset, "outside the mapping")
        buffer.append(
            unsafe ByteSlice(
                base: UnsafePointer((base + offset).assumingMemoryBound(to: UInt8.self)),
                count: count))
    }

    /// Waits until the content is on the disk.
    public borrowing func sync() throws(SystemError) {
        let size = size
        let base = unsafe base
        _ = try attempt("msync") { unsafe msync(base, size, MS_SYNC) }
    }
}
