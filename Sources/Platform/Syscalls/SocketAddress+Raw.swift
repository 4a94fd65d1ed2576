// Between `SocketAddress` and the kernel's sockaddr forms.
import Glibc

extension SocketAddress {
    static func parse(_ host: String, port: UInt16) -> SocketAddress? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, host, &bytes) == 1 {
            return .version4(address: Array(bytes.prefix(4)), port: port)
        }
        if unsafe inet_pton(AF_INET6, host, &bytes) == 1 {
            return .version6(address: bytes, port: port, scope: 0)
        }
        return nil
    }

    static func text(version6 bytes: [UInt8]) -> String {
        precondition(bytes.count == 16)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress,
                unsafe inet_ntop(AF_INET6, bytes, base, socklen_t(buffer.count)) != nil
            else { return "" }
            return unsafe String(cString: base)
        }
    }

    /// Every address of a host name, in the resolver's order. Waits for DNS: never in a loop.
    public static func resolve(
        _ host: String, port: UInt16
    ) throws(SystemError) -> [SocketAddress] {
        if let numeric = parse(host, port: port) { return [numeric] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else {
            throw SystemError(call: "getaddrinfo", code: EHOSTUNREACH, subject: host)
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr {
                let address = unsafe SocketAddress(raw: raw, length: entry.pointee.ai_addrlen)
                if let address { addresses.append(address.with(port: port)) }
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses
    }

    /// The same address with another port.
    public func with(port: UInt16) -> SocketAddress {
        switch self {
        case .version4(let address, _): .version4(address: address, port: port)
        case .version6(let address, _, let scope):
            .version6(address: address, port: port, scope: scope)
        case .local: self
        }
    }

    @unsafe init?(raw: UnsafePointer<sockaddr>, length: socklen_t) {
        let bytes = unsafe UnsafeRawPointer(raw)
        guard length >= 2 else { return nil }
        switch Int32(unsafe raw.pointee.sa_family) {
        case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size:
            let form = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            let word = UInt32(bigEndian: form.sin_addr.s_addr)
            let address = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
            self = .version4(address: address, port: UInt16(bigEndian: form.sin_port))
        case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size:
            let form = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
            let address = unsafe withUnsafeBytes(of: form.sin6_addr) { unsafe Array($0) }
            self = .version6(
                address: address, port: UInt16(bigEndian: form.sin6_port),
                scope: form.sin6_scope_id)
        case AF_UNIX:
            let path = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(length)).dropFirst(2)
            self = unsafe .local(path: String(decoding: path.prefix { $0 != 0 }, as: UTF8.self))
        default: return nil
        }
    }

    /// Calls `body` with the kernel's form.
    @unsafe func withRaw<Result, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var storage = sockaddr_storage()
        let length = unsafe fill(&storage)
        return try unsafe withUnsafePointer(to: &storage) { pointer throws(Failure) in
            let raw = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return try unsafe body(raw, length)
        }
    }

    private func fill(_ storage: UnsafeMutablePointer<sockaddr_storage>) -> socklen_t {
        let raw = UnsafeMutableRawPointer(storage)
        switch self {
        case .version4(let address, let port):
            var form = sockaddr_in()
            form.sin_family = sa_family_t(AF_INET)
            form.sin_port = port.bigEndian
            form.sin_addr.s_addr = address.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }.bigEndian
            unsafe raw.storeBytes(of: form, as: sockaddr_in.self)
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        case .version6(let address, let port, let scope):
            precondition(address.count == 16)
            var form = sockaddr_in6()
            form.sin6_family = sa_family_t(AF_INET6)
            form.sin6_port = port.bigEndian
            form.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &form.sin6_addr) {
                unsafe $0.copyBytes(from: address)
            }
            unsafe raw.storeBytes(of: form, as: sockaddr_in6.self)
            return socklen_t(MemoryLayout<sockaddr_in6>.size)
        case .local(let path):
            let bytes = Array(path.utf8)
            precondition(bytes.count <= SocketAddress.localPathBytesMax, "path is too long")
            unsafe raw.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            for (index, byte) in bytes.enumerated() {
                unsafe raw.storeBytes(of: byte, toByteOffset: 2 + index, as: UInt8.self)
            }
            return socklen_t(2 + bytes.count + 1)
        }
    }
}
