// How a batch runs.
//
// 1. Look all commands up, hash their first keys and prefetch the keys' buckets.
// 2. Prefetch the keys' entries: the buckets are in the cache by now.
// 3. Run the commands. What is allowed without further questions takes the straight path; anything
//    special (gates, transactions, subscribers, strangers, long commands) goes through `admit`.
//
// Time is read once before and once after a run of straight commands and shared evenly by them;
// special ones get readings of their own.
internal import Bytes
internal import RESP
internal import Store

/// Which commands of a batch have not been counted yet, and since when they run.
struct BatchTiming {
    var started: Int64
    var firstIndex = 0
}

extension CommandEngine {
    /// Runs the commands of `batch` until one blocks, closes or hands over the connection.
    ///
    /// Replies are in `client.output` afterwards, effects in `stream`. A violation of the protocol
    /// found by `fill` is told behind the replies, and the client is to be closed.
    public func execute(_ batch: inout RequestBatch, client: ClientState) -> BatchOutcome {
        let total = batch.commands.count
        prepare(&batch, client)
        runningClient = client
        defer { runningClient = nil }
        var timing = BatchTiming(started: owner.monotonicNanoseconds())
        var index = 0
        var end = BatchOutcome.End.finished
        while index < total {
            let command = batch.commands[index]
            let arguments = batch.arguments(of: command)
            keyHash = command.keyHash
            rawRequest =
                command.isCanonical && isPropagating
                ? batch.input.slice(from: command.start, count: command.end &- command.start)
                : ByteSlice()
            if !client.isSpecial && command.flags.isDisjoint(with: refusedFlags)
                && !(command.flags.contains(.denyOutOfMemory) && exceedsMemoryLimit)
            {
                runStraight(Int(command.number), arguments, client)
            } else {
                share(&timing, &batch, until: index, client)
                timing.firstIndex = index + 1
                if !runSpecially(Int(command.number), arguments, client, &timing) {
                    end = .paused
                    break
                }
            }
            index &+= 1
            if client.stopsBatch {
                end = stopped(client)
                break
            }
        }
        share(&timing, &batch, until: index, client)
        return conclude(end, &batch, executed: index, client)
    }

    /// Phases 1 and 2.
    @inline(__always)
    private func prepare(_ batch: inout RequestBatch, _ client: ClientState) {
        let total = batch.commands.count
        let database = database(client)
        var index = 0
        while index < total {
            let arguments = batch.arguments(of: batch.commands[index])
            let number = table.number(of: arguments[0])
            batch.commands[index].number = Int32(truncatingIfNeeded: number)
            if number >= 0 {
                let facts = table.facts[number]
                if facts.takesStraightPath && facts.accepts(arguments.count) {
                    batch.commands[index].flags = facts.flags
                }
                let firstKey = Int(facts.firstKey)
                if firstKey > 0 && firstKey < arguments.count {
                    let hash = keyspace.hash(arguments[firstKey])
                    batch.commands[index].keyHash = hash
                    database.prefetchBucket(hash)
                }
            }
            index &+= 1
        }
        guard total > 1 else { return }
        index = 0
        while index < total {
            database.prefetchEntry(batch.commands[index].keyHash)
            index &+= 1
        }
    }

    @inline(__always)
    private func runStraight(_ number: Int, _ arguments: Arguments, _ client: ClientState) {
        beginUnit()
        if number == table.get {
            Strings.getStraight(self, client, arguments)
        } else {
            runHandler(number, arguments, client)
        }
        endUnit(client)
        client.lastCommandNumber = number
        if hasReadyKeys { serveReadyKeys() }
    }

    @inline(__always)
    func runHandler(_ number: Int, _ arguments: Arguments, _ client: ClientState) {
        do throws(ReplyError) {
            try table.specs[number].handler(self, client, arguments)
        } catch {
            statistics[number].failedCalls &+= 1
            fail(error, client)
        }
    }

    /// Counts the straight commands from the last mark up to `index` and gives each an even share
    /// of the time that passed.
    private func share(
        _ timing: inout BatchTiming, _ batch: inout RequestBatch, until index: Int,
        _ client: ClientState
    ) {
        let count = index &- timing.firstIndex
        if count <= 0 { return }
        let now = owner.monotonicNanoseconds()
        // Without a pipeline there is nothing to divide.
        let passed = now &- timing.started
        let each = count == 1 ? passed : passed / Int64(count)
        let bucket = LatencyHistograms.bucket(ofNanoseconds: each)
        var place = timing.firstIndex
        while place < index {
            let number = Int(batch.commands[place].number)
            statistics[number].calls &+= 1
            statistics[number].nanoseconds &+= each
            if tracksLatency { latencies.record(number, bucket: bucket) }
            if each >= latencyThresholdNanoseconds { noteSlow(number, nanoseconds: each) }
            if each >= slowLogNanoseconds {
                let arguments = batch.arguments(of: batch.commands[place])
                log(number, arguments, client, nanoseconds: each)
            }
            place &+= 1
        }
        counts.commands &+= Int64(count)
        timing.started = now
        timing.firstIndex = index
    }

    private func stopped(_ client: ClientState) -> BatchOutcome.End {
        if client.closesAfterReplies { return .closing }
        return client.isHandedOver ? .handedOver : .blocked
    }

    private func conclude(
        _ end: BatchOutcome.End, _ batch: inout RequestBatch, executed: Int,
        _ client: ClientState
    ) -> BatchOutcome {
        rawRequest = ByteSlice()
        guard executed == batch.commands.count else {
            let consumed = executed == 0 ? 0 : batch.commands[executed - 1].end
            return BatchOutcome(end: end, executedCount: executed, consumed: consumed)
        }
        if let problem = batch.problem, end == .finished {
            client.writer.error(problem)
            client.closesAfterReplies = true
            return BatchOutcome(
                end: .closing, executedCount: executed, consumed: batch.consumed)
        }
        return BatchOutcome(end: end, executedCount: executed, consumed: batch.consumed)
    }

    // MARK: Special cases

    /// Runs, queues or refuses one command; false when it must wait.
    private func runSpecially(
        _ found: Int, _ arguments: Arguments, _ client: ClientState, _ timing: inout BatchTiming
    ) -> Bool {
        let replyStart = client.writer.buffer.count
        let modeBefore = client.replyMode
        let isSilent = modeBefore == .off || modeBefore == .skipCurrent
        if isSilent { client.silentStart = replyStart }
        defer { client.silentStart = -1 }
        let number = resolve(found, arguments)
        if number >= 0 { client.lastCommandNumber = number }
        switch admit(number, found, arguments, client) {
        case .run:
            timing.started = run(number, arguments, client)
        case .queue:
            var flags = table.facts[number].flags
            if flags.contains(.runsScript) {
                flags = self.flags(ofScriptCommand: number, arguments)
            }
            client.transaction?.append(number: number, flags: flags, arguments: arguments)
            client.writer.simpleString("QUEUED")
        case .refuse(let error):
            reject(error, number, client)
        case .wait:
            return false
        }
        if client.isMaster || (isSilent && client.replyMode != .on) {
            let start = max(replyStart, client.silentStart)
            client.writer.buffer.truncate(to: min(start, client.writer.buffer.count))
        }
        if client.replyMode == .skipCurrent && client.wait == nil { client.replyMode = .on }
        if client.replyMode == .skipNext { client.replyMode = .skipCurrent }
        client.releaseOwnPushes()
        if !tracking.isEmpty { endTrackedCommand(number, client) }
        return true
    }

    /// The word of CLIENT CACHING holds for one command or transaction; changes that the client has
    /// made and must hear of are told behind its reply.
    private func endTrackedCommand(_ number: Int, _ client: ClientState) {
        if let mode = client.tracking, mode.hasCachingWord, client.transaction == nil {
            let parent = number < 0 ? -1 : Int(table.facts[number].parent)
            let isOfClient = parent >= 0 && ByteSlice(table.specs[parent].name) == "client"
            if !isOfClient { mode.hasCachingWord = false }
        }
        if !ownInvalidations.isEmpty { tellOwnInvalidations() }
    }

    /// Runs one command as a unit of its own; returns the time when it ended.
    private func run(_ number: Int, _ arguments: Arguments, _ client: ClientState) -> Int64 {
        let started = owner.monotonicNanoseconds()
        beginUnit()
        runHandler(number, arguments, client)
        if client.tracking != nil { rememberReads(number, arguments, client) }
        endUnit(client)
        // One that blocks is counted when it has its answer.
        let ended =
            client.wait == nil ? count(number, since: started) : owner.monotonicNanoseconds()
        if ended &- started >= slowLogNanoseconds && client.wait == nil {
            log(number, arguments, client, nanoseconds: ended &- started)
        }
        if !monitors.isEmpty { feedMonitors(number, arguments, client) }
        guard hasReadyKeys else { return ended }
        serveReadyKeys()
        return owner.monotonicNanoseconds()
    }

    /// Counts a command that was measured alone; returns the present time.
    @discardableResult
    func count(_ number: Int, since started: Int64) -> Int64 {
        let ended = owner.monotonicNanoseconds()
        statistics[number].calls &+= 1
        statistics[number].nanoseconds &+= ended &- started
        if tracksLatency {
            latencies.record(
                number, bucket: LatencyHistograms.bucket(ofNanoseconds: ended &- started))
        }
        if ended &- started >= latencyThresholdNanoseconds {
            noteSlow(number, nanoseconds: ended &- started)
        }
        counts.commands &+= 1
        return ended
    }

    /// Puts a command that has taken long into the slow log.
    func log(
        _ number: Int, _ arguments: Arguments, _ client: ClientState, nanoseconds: Int64
    ) {
        if table.facts[number].flags.contains(.skipSlowLog) { return }
        slowLog.add(
            arguments, client, seconds: now / 1_000, microseconds: nanoseconds / 1_000,
            countMax: settings.slowLogCountMax
        ) { isSecret($0, of: arguments, number) }
    }

    /// Whether the client's output is so long that the node will close it without sending it:
    /// replies that can be of any length end there.
    @inline(__always)
    func exceedsOutputLimit(_ client: ClientState) -> Bool {
        settings.outputBytesMax > 0 && client.writer.buffer.count > settings.outputBytesMax
    }

    /// Writes an error reply and counts it.
    func fail(_ error: ReplyError, _ client: ClientState) {
        counts.errors &+= 1
        errorCounts[error.code, default: 0] += 1
        client.writer.error(error)
    }

    /// Refuses a command before it ran.
    func reject(_ error: ReplyError, _ number: Int, _ client: ClientState) {
        if number >= 0 { statistics[number].rejectedCalls &+= 1 }
        if number >= 0 && ByteSlice(table.specs[number].name) == "exec" {
            Transactions.discard(self, client)
            let reason = error.code == "ERR" ? String(error.text.dropFirst(4)) : error.text
            fail(
                ReplyError(composed: "EXECABORT Transaction discarded because of: " + reason),
                client)
            return
        }
        client.transaction?.isBroken = true
        fail(error, client)
    }
}
