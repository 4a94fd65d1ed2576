// Any bytes decompress to the promised length or to an error; what we compress comes back.
import Bytes
import CFuzz
import Glibc

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let input = unsafe ByteSlice(base: size == 0 ? nil : data, count: size)
    let length = size == 0 ? 0 : Int(input[0]) * 16
    var output = ByteBuffer()
    try? LZF.decompress(input, length: length, into: &output)

    var compressor = LZFCompressor()
    var packed = ByteBuffer()
    if compressor.compress(input, limit: size, into: &packed) != nil {
        var unpacked = ByteBuffer()
        do {
            try LZF.decompress(packed.readable, length: size, into: &unpacked)
        } catch {
            preconditionFailure("our own output is refused")
        }
        precondition(unpacked.readable == input)
    }
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
