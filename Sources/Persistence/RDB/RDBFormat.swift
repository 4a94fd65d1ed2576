// The numbers of the RDB container.
//
//   magic(9) │ aux* │ function* │ { SELECTDB db  RESIZEDB n e  entry* }* │ 0xFF │ crc(8)
//   entry = [0xFC ms(8) or 0xFD s(4)] [0xF8 idle] [0xF9 frequency] type(1) key(string) value
//
// The magic is "REDIS" and four digits, or "VALKEY" and three. The numbers are other servers' and
// persisted: a test pins them.

/// Opcodes, all of them above every value type.
public enum RDBOpcode {
    /// Valkey 9.2: an inline command.
    public static let update: UInt8 = 242
    /// Redis 8.6: metadata of a key; Valkey 9: an imported slot.
    public static let keyMetadata: UInt8 = 243
    /// Slot, keys, expires: a hint.
    public static let slotInfo: UInt8 = 244
    /// The source of a function library.
    public static let function2: UInt8 = 245
    /// The function format of Redis 7.0's release candidates.
    public static let function: UInt8 = 246
    /// Data of a module beside the keys.
    public static let moduleAuxiliary: UInt8 = 247
    /// Idle seconds of the next key.
    public static let idle: UInt8 = 248
    /// Access frequency of the next key.
    public static let frequency: UInt8 = 249
    /// A name with a value about the file.
    public static let auxiliary: UInt8 = 250
    /// Numbers of keys and of keys that expire in the database: a hint.
    public static let resizeDatabase: UInt8 = 251
    /// Expiry of the next key in milliseconds.
    public static let expiryMilliseconds: UInt8 = 252
    /// Expiry of the next key in seconds.
    public static let expirySeconds: UInt8 = 253
    /// The database of the keys that follow.
    public static let selectDatabase: UInt8 = 254
    /// The end; the checksum follows.
    public static let end: UInt8 = 255
}

/// Which family of servers wrote a file: the families give some numbers different meanings.
public enum RDBDialect: Sendable {
    /// "REDIS" in front of the version.
    case redis
    /// "VALKEY" in front of the version.
    case valkey
}

/// Versions of the container.
public enum RDBVersion {
    /// The version that is written: every server since Redis 7.0 reads it.
    public static let written = 10
    /// The version of a file for a full sync of replicas that have proved to read it: streams keep
    /// when their consumers were active.
    public static let writtenToProven = 11
    /// What is read with the magic "REDIS".
    public static let redis = 1...12
    /// What is read with the magic "VALKEY".
    public static let valkey = 80...80
    /// Bytes of the magic with the version.
    public static let magicByteCount = 9
}

/// The sizes beyond which a file is not believed.
public enum RDBLimits {
    /// Longest string; `proto-max-bulk-len` can be set no higher than this.
    public static let stringBytesMax = UInt64(1) << 40
}
