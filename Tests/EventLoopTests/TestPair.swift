// Two connected sockets for the tests of this module.
import Bytes
import Platform

final class TestPair {
    var near: Descriptor
    var far: Descriptor

    init() throws {
        var first: Descriptor?
        var second: Descriptor?
        try Socket.pair { one, other in
            first = consume one
            second = consume other
        }
        guard let near = first.take(), let far = second.take() else {
            preconditionFailure("the pair is always made")
        }
        self.near = near
        self.far = far
    }

    /// Sends from the far end.
    func write(_ text: StaticString) throws {
        let sent = try Socket.send(ByteSlice(text), to: far)
        precondition(sent == text.utf8CodeUnitCount)
    }
}
