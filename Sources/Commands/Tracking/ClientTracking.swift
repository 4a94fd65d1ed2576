// How one client wants to be told of changed keys (CLIENT TRACKING).
//
//   by default     what it has read is remembered; each key is told once, then forgotten
//   BCAST          every changed key that begins with one of its prefixes, read or not
//   OPTIN          only reads behind CLIENT CACHING YES are remembered
//   OPTOUT         reads behind CLIENT CACHING NO are not
//   NOLOOP         not its own changes
//   REDIRECT id    another client gets the messages

/// The tracking mode of one client.
final class ClientTracking {
    /// Which reads are remembered.
    enum Choice { case all, onRequest, unlessRefused }

    /// The client that gets the messages; 0: itself.
    var redirectID: Int64 = 0
    var isBroadcast = false
    var choice = Choice.all
    var ignoresOwnChanges = false
    /// CLIENT CACHING was said for the next command.
    var hasCachingWord = false
    /// The client that gets the messages was gone when one was due.
    var isRedirectBroken = false
    /// Of a broadcasting client, in the order of their bytes.
    var prefixes: [[UInt8]] = []

    /// Whether the keys of the running command are remembered.
    var remembersReads: Bool {
        switch choice {
        case _ where isBroadcast: false
        case .all: true
        case .onRequest: hasCachingWord
        case .unlessRefused: !hasCachingWord
        }
    }
}
