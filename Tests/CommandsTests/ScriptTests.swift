import Bytes
import Commands
import RESP
import Scripting
import TestKit
import Testing

/// Scripts that want to break out, use up or confuse the server.
@Suite struct ScriptTests {
    private func isWell(_ target: EngineTarget) throws -> Bool {
        try target.run(
            "EVAL", "return {KEYS[1], redis.call('echo', ARGV[1]), _G.x == nil}", "1",
            "k", "a"
        ).hasPrefix("-ERR user_script:1: Script attempted to access nonexistent")
            && target.run("EVAL", "return {KEYS[1], redis.call('echo', ARGV[1])}", "1", "k", "a")
                == "[$\"k\" $\"a\"]"
    }

    static let hostile = [
        "local function f() return 1 + f() end return f()",
        "return string.rep('x', 2^40)",
        "return unpack({}, 1, 1e8)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {} end",
        "return string.format('%99999d', 1)",
        "error(setmetatable({}, {__index = function() error('index') end}))",
        "error(setmetatable({}, {__newindex = function() error('newindex') end}))",
        "return xpcall(function() error('a') end, function() error('b') end)",
        "return xpcall(error, error)",
        "return coroutine.wrap(function() return redis.call('nope') end)()",
        "return coroutine.wrap(function() error({err = 'x'}) end)()",
        "local c c = coroutine.wrap(function() return c() end) return c()",
        "local c = coroutine.create(function() coroutine.yield() end) coroutine.resume(c) return c",
        "for i = 1, 300 do pcall(redis.call, 'nope') end return redis.pcall('nope')",
        "for i = 1, 300 do pcall(redis.call, 'set', 'k', {}) end error('end')",
        "local f = function() error('x') end for i = 1, 180 do local g = f f = function() "
            + "pcall(g) error('y') end end f()",
        "return pcall(pcall, pcall, pcall, error)",
        "return setmetatable({}, {__gc = function() redis.call('set', 'k', 'v') end})",
        "setmetatable(_G, nil)", "getmetatable('').__index.format = nil",
        "for k, v in pairs(redis) do redis[k] = nil end", "table.insert(_G, 1)",
        "rawset(string, 'format', nil)", "_G._G = nil", "KEYS = nil",
        "return load(string.dump(function() end))", "return loadstring('\\27Lua')()",
        "return load(function() return '\\27Lua' end)()",
        "return cjson.decode(string.rep('[', 1e5))",
        "return cmsgpack.unpack(string.rep('\\145', 1e5))",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
        "return struct.unpack('c2147483647', 'x')", "return struct.pack('i32i0', 1e300, 1e300)",
        "local t = {} t.x = t return cjson.encode(t)",
        "local t = {} t.x = t return cmsgpack.pack(t)",
        "return redis.call(unpack({}, 1, 7000))", "return redis.call('set', 'k', '\\0', nil)",
        "redis.setresp(3) return redis.call('command', 'docs', 'get')",
        "return {map = {[{}] = 1}}", "return {verbatim_string = {format = 'x'}}",
        "return {err = 'a\\0b'}", "return redis.error_reply('\\0')",
        "return redis.sha1hex(string.rep('x', 1e6))", "math.randomseed(-1) return math.random(-1)",
        "collectgarbage('stop') local t = {} for i = 1, 1e5 do t = {} end return 1",
        "string.gsub(string.rep('a', 1e4), '', function() error('x') end)",
        "table.sort({3, 2, 1, 5, 4}, function() error('sort') end)",
        "table.sort({1, 2, 3, 4, 5, 6, 7, 8, 9}, function() return true end)",
    ]

    @Test(arguments: hostile)
    func hostileScriptsLeaveTheServerWell(text: String) throws {
        let target = EngineTarget(scriptBytesMax: 64 << 20)
        let answer = try target.run("EVAL", text, "0")
        #expect(answer != "(none)")
        #expect(try isWell(target), "after \(text)")
        #expect(try target.takeEffects()?.isEmpty == true)
    }

    @Test(arguments: [
        "local t = {} t[1] = t return t", "local t = {} for i = 1, 20000 do t = {t} end return t",
        "local t = {} t[1] = t return {map = t}", "local t = {} t.set = t return t",
    ])
    func aReplyIsNoDeeperThanTheStack(text: String) throws {
        let target = EngineTarget()
        var request = ByteBuffer()
        RequestWriter.command(["EVAL", text, "0"], into: &request)
        target.send(request.readable.array, connection: 2)
        let reply = target.connection(2).client.output.buffer.readable.string
        #expect(reply.hasSuffix("-ERR reached lua stack limit\r\n") || reply.count < 100)
        #expect(reply.count < 1 << 20)
        #expect(try isWell(target))
    }

    @Test func aScriptThatWantsTooMuchMemoryFailsAlone() throws {
        let target = EngineTarget(scriptBytesMax: 4 << 20)
        for _ in 0..<20 {
            let answer = try target.run("EVAL", "return #string.rep('x', 1e7)", "0")
            #expect(answer.hasPrefix("-ERR") && answer.contains("not enough memory"))
            #expect(try target.run("EVAL", "return #string.rep('x', 1e5)", "0") == ":100000")
        }
        #expect(target.scripts.figures.scriptBytes <= 4 << 20)
    }

    @Test func everyAllocationMayFail() throws {
        let script = """
            local t = {} for i = 1, 500 do t[i] = {i, tostring(i), i .. 'x'} end
            redis.pcall('set', KEYS[1], cjson.encode(t)) redis.pcall('incr', KEYS[1])
            return {cmsgpack.pack(t), redis.call('get', KEYS[1])}
            """
        let library = "#!lua name=a\nredis.register_function('f', function(k) return k end)"
        for bytesMax in stride(from: 120_000, through: 260_000, by: 997) {
            let target = EngineTarget(scriptBytesMax: bytesMax)
            for _ in 0..<2 {
                #expect(try target.run("EVAL", script, "1", "k") != "(none)")
                #expect(try target.run("FUNCTION", "LOAD", "REPLACE", library) != "(none)")
                #expect(try target.run("FCALL", "f", "1", "k") != "(none)")
            }
            #expect(try target.run("EVAL", "return 1", "0") == ":1")
        }
    }

    @Test func garbageOfScriptsIsCollected() throws {
        let target = EngineTarget()
        for _ in 0..<3_000 {
            #expect(
                try target.run("EVAL", "return #string.rep(ARGV[1], 10000)", "0", "x") == ":10000")
        }
        #expect(target.scripts.figures.scriptBytes < 4 << 20)
    }

    @Test func theCacheOfEvalIsBounded() throws {
        let target = EngineTarget()
        let loaded = try target.run("SCRIPT", "LOAD", "return 'stays'")
        #expect(loaded.hasPrefix("$"))
        for index in 0..<700 {
            #expect(try target.run("EVAL", "return \(index)", "0") == ":\(index)")
        }
        let figures = target.scripts.figures
        #expect(figures.scriptCount == 501 && figures.evictedScriptCount == 200)
        let digest = String(loaded.dropFirst(2).dropLast())
        #expect(try target.run("EVALSHA", digest, "0") == "$\"stays\"")
        #expect(try target.run("SCRIPT", "FLUSH") == "+OK")
        #expect(target.scripts.figures.scriptCount == 0)
    }

    @Test func librariesSurviveRandomInput() throws {
        let target = EngineTarget(scriptBytesMax: 64 << 20)
        var random = SeededRandom(seed: 11)
        let script = """
            local ok = {pcall(cmsgpack.unpack, ARGV[1]), pcall(cjson.decode, ARGV[1]),
              pcall(struct.unpack, ARGV[2], ARGV[1]), pcall(struct.pack, ARGV[2], 1, 2, 'x', 3),
              pcall(loadstring, ARGV[1]), pcall(string.format, ARGV[1], 1, 2)}
            return #ok > 0
            """
        let letters = Array("[]{}\":,0123456789truefalsnx\\u \n".utf8)
        let options = Array("bBhHlLTiIfdsxc<>! 0123456789".utf8)
        for round in 0..<2_000 {
            let count = Int(random.next() % 40)
            let data = (0..<count).map { _ in
                round % 2 == 0
                    ? UInt8(truncatingIfNeeded: random.next())
                    : letters[Int(random.next() % UInt64(letters.count))]
            }
            let format = (0..<Int(random.next() % 8)).map { _ in
                options[Int(random.next() % UInt64(options.count))]
            }
            var request = ByteBuffer()
            RequestWriter.begin(5, into: &request)
            RequestWriter.argument("EVAL", into: &request)
            Array(script.utf8).withByteSlice { RequestWriter.argument($0, into: &request) }
            RequestWriter.argument("0", into: &request)
            data.withByteSlice { RequestWriter.argument($0, into: &request) }
            format.withByteSlice { RequestWriter.argument($0, into: &request) }
            target.send(request.readable.array, connection: 1)
            #expect(try target.receive(connection: 1)?.rendered == ":1")
        }
    }

    // MARK: Gates

    @Test func aScriptOnAReadOnlyReplicaMayReadOnly() throws {
        let target = EngineTarget()
        target.engine.writeGate = .readOnlyReplica
        #expect(try target.run("EVAL", "return redis.call('get', 'k')", "0") == "_")
        let written = try target.run("EVAL", "return redis.call('set', 'k', 'v')", "0")
        #expect(written.hasPrefix("-READONLY You can't write against a read only replica."))
        #expect(
            try target.run("EVAL", "#!lua\nreturn 1", "0")
                == "-READONLY You can't write against a read only replica.")
        #expect(try target.run("EVAL", "#!lua flags=no-writes\nreturn 1", "0") == ":1")
    }

    @Test func memoryIsAskedForBeforeTheFirstWriteOnly() throws {
        let target = EngineTarget()
        target.engine.isOutOfMemory = true
        let written = try target.run("EVAL", "return redis.call('set', 'k', 'v')", "0")
        #expect(written.hasPrefix("-OOM command not allowed when used memory > 'maxmemory'."))
        #expect(
            try target.run(
                "EVAL", "redis.call('del', 'x') return redis.call('set', 'k', 'v')", "0") == "+OK")
        #expect(
            try target.run("EVAL", "#!lua\nreturn 1", "0")
                == "-OOM command not allowed when used memory > 'maxmemory'.")
        #expect(
            try target.run("EVAL", "#!lua flags=allow-oom\nreturn redis.call('set','k','v')", "0")
                == "+OK")
    }

    @Test func aStaleReplicaRunsOnlyScriptsThatSaySo() throws {
        let target = EngineTarget()
        target.engine.refusesStaleReads = true
        #expect(try target.run("EVAL", "return 1", "0").hasPrefix("-MASTERDOWN"))
        #expect(try target.run("EVAL", "#!lua\nreturn 1", "0").hasPrefix("-MASTERDOWN"))
        #expect(try target.run("EVAL", "#!lua flags=allow-stale,no-writes\nreturn 1", "0") == ":1")
        #expect(
            try target.run(
                "EVAL", "#!lua flags=allow-stale,no-writes\nreturn redis.call('get','k')", "0"
            ).hasPrefix("-ERR Can not execute the command on a stale replica"))
    }

    @Test func timeStandsStillInAScript() throws {
        let target = EngineTarget()
        let script = """
            local a = redis.call('time') local b = redis.call('time')
            return a[1] == b[1] and a[2] == b[2]
            """
        #expect(try target.run("EVAL", script, "0") == ":1")
    }

    @Test func scriptsAreCountedWithTheirCommands() throws {
        let target = EngineTarget()
        _ = try target.run("EVAL", "redis.pcall('incr', 'n') return redis.call('nope')", "0")
        let names = target.engine.errorReplies
        #expect(names == ["ERR": 1])
        #expect(target.engine.counters.commands == 2)
    }
}
