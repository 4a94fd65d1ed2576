"""Scripts that mean harm: each ends with an error of its own, and the node goes on.

docs/scripting.md lists the published holes of Lua that these tests stand for.
"""

import random

import pytest
import redis

from servers import servers

MANY = 2**31 - 1


@pytest.fixture
def node():
    with servers() as start:
        yield start("node", "--enable-debug-command", "yes")


@pytest.fixture(scope="module")
def both():
    with servers() as start:
        yield start("node"), start("redis")


def refused(node, script, text):
    with pytest.raises(redis.ResponseError, match=text):
        node.client.eval(script, 0)
    assert node.client.ping()


@pytest.mark.parametrize("arguments", [
    f"{{1,2,3}}, 0, {MANY}", f"{{}}, 0, {MANY}", f"{{1,2,3}}, -{MANY + 1}, {MANY}",
    f"{{}}, -{MANY + 1}, {MANY}", f"{{}}, 1, {MANY}", "{}, 1, 1e7"])
def test_unpack_counts_its_values_before_it_makes_room(node, arguments):
    refused(node, f"return {{unpack({arguments})}}", "too many results to unpack")


def test_unpack_gives_what_the_library_gives(both):
    calls = ["{1,2,3}", "{1,2,3},2", "{1,2,3},2,5", "{1,2,3},5,2", "{},1,0", "{1,2},-1,1",
             f"{{1}},{MANY},{MANY}", f"{{1}},-{MANY + 1},-{MANY}"]
    for call in calls:
        script = f"local t = {{n = select('#', unpack({call})), unpack({call})}} return cjson.encode(t)"
        ours, theirs = (server.client.eval(script, 0) for server in both)
        assert ours == theirs, call


@pytest.mark.parametrize("function", ["find", "match", "gsub", "gmatch"])
def test_deep_patterns_are_refused(node, function):
    call = f"string.{function}(string.rep('a', 1e6), string.rep('a?', 1e6) .. 'b'" + (
        ", '')" if function == "gsub" else ")")
    if function == "gmatch":
        call = f"({call})()"
    refused(node, "return " + call, "pattern too complex")


@pytest.mark.parametrize("script", [
    "return string.find(string.rep('a', 1000), string.rep('a*', 100) .. 'b')",
    "return string.gsub(string.rep('a', 1e7), '.-b', '')",
    f"local t = {{}} table.insert(t, -{MANY + 1}, 1)",
    "local i = 0 repeat local t = redis.call('time') until tonumber(t[1]) < 0",
])
def test_loops_in_c_can_be_killed(node, script):
    node.client.config_set("busy-reply-threshold", 50)
    with node.database(0) as caller:
        connection = caller.connection_pool.get_connection()
        connection.send_command("EVAL", script, 0)
        killed = False
        while not killed:
            try:
                killed = node.client.script_kill()
            except redis.ResponseError as error:
                assert "NOTBUSY" in str(error)
        with pytest.raises(redis.ResponseError, match="killed"):
            connection.read_response()
        caller.connection_pool.release(connection)
    assert node.client.ping()


def test_a_script_cannot_take_the_nodes_memory(node):
    node.client.config_set("lua-memory-max", "64mb")
    refused(node, "local t = {} while true do t[#t + 1] = string.rep('x', 2^20) .. #t end",
            "not enough memory")
    refused(node, f"return string.rep('x', {MANY})", "not enough memory")
    refused(node, f"return #string.rep('', {MANY}) + nil", "arithmetic on a nil value")
    assert node.client.eval("return #string.rep('abc', 1000000)", 0) == 3_000_000


def test_nothing_is_collected_while_a_text_is_parsed(node):
    # A reader that makes garbage and asks for its collection, in the middle of a name.
    assert node.client.eval("""
        local pieces, place = {'local na', 'me_of_a_variable = 7 ', 'return na', 'me_of_a_variable'}, 0
        local chunk = load(function()
            for i = 1, 1000 do local t = {string.rep('g', i)} end
            collectgarbage('collect')
            place = place + 1
            return pieces[place]
        end, string.rep('chunk', 20))
        return chunk()
    """, 0) == 7
    for _ in range(50):
        assert node.client.eval(
            "return loadstring('return ' .. ARGV[1], string.rep('n', 60) .. ARGV[1])()", 0,
            random.randrange(1000)) is not None


@pytest.mark.parametrize("size, is_taken", [(16 << 20, True), ((16 << 20) + 1, False)])
def test_sources_are_bounded(node, size, is_taken):
    source = "return 7 --" + "x" * (size - 11)
    for run in (lambda: node.client.eval(source, 0),
                lambda: node.client.eval("return assert(loadstring(ARGV[1]))()", 0, source)):
        if is_taken:
            assert run() == 7
        else:
            with pytest.raises(redis.ResponseError, match="the source is larger than 16 MB"):
                run()


def test_long_brackets_of_any_length(node):
    for level in (0, 1, 100, 1_000_000):
        bar = "=" * level
        assert node.client.eval(f"return [{bar}[text]{bar}]", 0) == b"text"
        with pytest.raises(redis.ResponseError):
            node.client.eval(f"return [{bar}", 0)


@pytest.mark.parametrize("script", [
    "getmetatable('').__index = function() return 'mine' end",
    "getmetatable('').__call = 1", "string.rep = nil", "redis.call = nil", "_G.x = 1",
    "getmetatable(_G).__index = nil", "setmetatable(_G, nil)", "rawset(_G, 'x', 1)",
    "cjson.encode = nil", "math.random = nil",
])
def test_what_scripts_share_cannot_be_changed(node, script):
    refused(node, script, "readonly table")


@pytest.mark.parametrize("name", ["newproxy", "setfenv", "getfenv", "dofile", "loadfile", "print",
                                  "require", "module", "io", "package", "debug"])
def test_functions_that_lead_outside_are_absent(node, name):
    refused(node, f"return {name}()", "nonexistent global variable")


def test_byte_code_is_not_loaded(node):
    refused(node, "return assert(loadstring(string.dump(function() return 1 end)))()", "char")
    refused(node, "return assert(load(function() return string.dump(function() end) end))()", "char")


@pytest.mark.parametrize("script", [
    "return bit.tohex(65535, -2147483648)", "return bit.tohex(1, 2147483647)",
    "return struct.pack('>I2147483648', 1)", "return struct.unpack('I4', 'abcd', -2147483648)",
    "return cmsgpack.unpack(string.rep('\\x91', 1e6))", "return cjson.decode(string.rep('[', 1e6))",
    "local t = {} for i = 1, 1e5 do t = {t} end return cmsgpack.pack(t)",
    "local t = {} for i = 1, 1e5 do t = {t} end return cjson.encode(t)",
    "local t = {} for i = 1, 1e5 do t = {t} end return #t",
    "local t = {} t.t = t return cjson.encode(t)",
    "return string.format('%99999d', 1)", "return string.format(string.rep('%s', 1e5))",
    "local a = {} for i = 1, 3e5 do a[i] = 'x' end return redis.call('del', unpack(a))",
    "error(setmetatable({}, {__tostring = function() error('x') end}))",
    "local t = setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}) return t.a",
    "local f f = function() return pcall(f) end return f()",
    "return coroutine.wrap(function() return string.gsub(string.rep('x', 100), '.', "
    "function() coroutine.yield() end) end)()",
    "table.sort({3, 1, 2, 5, 4, 6, 8, 7}, function() return true end) return 1",
])
def test_extremes_of_the_libraries_leave_the_node_alive(node, script):
    try:
        node.client.eval(script, 0)
    except redis.ResponseError:
        pass
    assert node.client.ping()


def test_time_goes_on_in_scripts_and_stands_still_in_transactions(node):
    assert node.client.eval("""
        local first = redis.call('time')
        redis.call('set', 'written', 1)
        repeat local t = redis.call('time') until t[1] ~= first[1] or t[2] ~= first[2]
        return 1
    """, 0) == 1
    with node.client.pipeline(transaction=True) as pipe:
        for _ in range(200):
            pipe.time()
        assert len(set(pipe.execute())) == 1


@pytest.mark.parametrize("level", ["REPL_AOF", "REPL_REPLICA", "REPL_SLAVE"])
def test_the_log_and_the_stream_are_one(node, level):
    refused(node, f"redis.set_repl(redis.{level})", "the log is the stream")


def test_patterns_match_as_the_library_does(both):
    """Random subjects and patterns through all four functions, equal to those of redis-server."""
    draw = random.Random(5)
    items = ["a", "b", ".", "%a", "%d", "%s", "%W", "%x", "%%", "[ab]", "[^a]", "[a-c]", "[%d_]",
             "[]]", "[^]]", "[a-]", "%b()", "%f[%a]", "%1", "(", ")", "()", "^", "$", "-", "[", "%"]
    script = """
        local subject, pattern, found = ARGV[1], ARGV[2], {}
        local function note(...)
            local texts = {}
            for i = 1, select('#', ...) do texts[i] = tostring((select(i, ...))) end
            found[#found + 1] = table.concat(texts, ',')
        end
        note(pcall(string.find, subject, pattern))
        note(pcall(string.find, subject, pattern, -3))
        note(pcall(string.find, subject, pattern, 2, true))
        note(pcall(string.match, subject, pattern, 2))
        note(pcall(string.gsub, subject, pattern, '<%0%%>', 3))
        note(pcall(string.gsub, subject, pattern, '%1'))
        note(pcall(string.gsub, subject, pattern, {a = 'A', b = false}))
        note(pcall(string.gsub, subject, pattern, function(...) return select('#', ...) end))
        note(pcall(function()
            local all = {}
            for a, b in string.gmatch(subject, pattern) do
                all[#all + 1] = tostring(a) .. ':' .. tostring(b)
                if #all > 20 then break end
            end
            return table.concat(all, ' ')
        end))
        return found
    """
    for _ in range(3_000):
        subject = "".join(draw.choice("aab(c)1_ ]-%") for _ in range(draw.randrange(12)))
        pattern = "".join(draw.choice(items) + draw.choice(["", "", "*", "+", "-", "?"])
                          for _ in range(draw.randrange(1, 6)))
        ours, theirs = (server.client.eval(script, 0, subject, pattern) for server in both)
        assert ours == theirs, (subject, pattern)
