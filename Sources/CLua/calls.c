// The table `redis`: what scripts can ask of the server.
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// MARK: Errors

void hw_push_error(lua_State *state, const char *text, size_t count) {
    // "-CODE text" keeps its code, "-text" and "text" get the general one.
    const char *code = "ERR", *message = text;
    size_t code_count = 3, message_count = count;
    if (count > 0 && text[0] == '-') {
        message++;
        message_count--;
        const char *blank = memchr(text, ' ', count);
        if (blank) {
            code = text + 1;
            code_count = (size_t)(blank - code);
            message = blank + 1;
            message_count = count - (size_t)(message - text);
        }
    }
    while (message_count > 0 && (message[0] == '\r' || message[0] == '\n'))
        message++, message_count--;
    while (message_count > 0
           && (message[message_count - 1] == '\r' || message[message_count - 1] == '\n'))
        message_count--;
    lua_createtable(state, 0, 4);
    lua_pushlstring(state, code, code_count);
    lua_pushliteral(state, " ");
    lua_pushlstring(state, message, message_count);
    lua_concat(state, 3);
    lua_setfield(state, -2, "err");
}

static int raise_error(lua_State *state, const char *text) {
    hw_push_error(state, text, strlen(text));
    return lua_error(state);
}

// MARK: Commands

/// Collects the arguments on the stack into the state's list; false when one is no text.
static bool collect(lua_State *state, hw_lua *lua, int count) {
    if ((size_t)count > lua->argument_capacity) {
        size_t capacity = (size_t)count * 2;
        hw_bytes *larger = realloc(lua->arguments, capacity * sizeof *larger);
        if (!larger) luaL_error(state, "not enough memory");
        lua->arguments = larger;
        lua->argument_capacity = capacity;
    }
    for (int index = 1; index <= count; index++) {
        int type = lua_type(state, index);
        if (type == LUA_TNUMBER) {
            // Lua's own text of a number has 14 digits only.
            char text[40];
            size_t length = hw_number_text(lua_tonumber(state, index), text);
            lua_pushlstring(state, text, length);
            lua_replace(state, index);
        } else if (type != LUA_TSTRING) {
            return false;
        }
        hw_bytes *argument = &lua->arguments[index - 1];
        argument->base = (const uint8_t *)lua_tolstring(state, index, &argument->count);
    }
    return true;
}

static int refuse_outside(lua_State *state, const char *text) {
    return hw_owner(state)->call ? 0 : raise_error(state, text);
}

static int fail(lua_State *state, bool raises, const char *text) {
    hw_push_error(state, text, strlen(text));
    return raises ? lua_error(state) : 1;
}

static int call_command(lua_State *state, bool raises) {
    hw_lua *lua = hw_owner(state);
    refuse_outside(state, "redis.call/pcall can only be called inside a script invocation");
    int count = lua_gettop(state);
    if (lua->is_calling)
        return fail(state, raises,
                    "luaRedisGenericCommand() recursive call detected. "
                    "Are you doing funny stuff with Lua debug hooks?");
    if (count == 0)
        return fail(state, raises,
                    "Please specify at least one argument for this redis lib call");
    if (!collect(state, lua, count))
        return fail(state, raises,
                    "Lua redis lib command arguments must be strings or integers");
    if (lua->debugger) hw_debug_command(state, lua->arguments, (size_t)count);
    lua->is_calling = true;
    hw_bytes reply = lua->host.call(lua->host.context, lua->arguments, (size_t)count);
    lua->is_calling = false;
    // Thousands of arguments leave no room on the stack for the reply.
    lua_settop(state, 0);
    bool fails = raises && reply.count > 0 && reply.base[0] == '-';
    hw_push_reply(state, reply);
    if (lua->debugger) hw_debug_reply(state, reply);
    return fails ? lua_error(state) : 1;
}

int hw_api_call(lua_State *state) { return call_command(state, true); }

static int api_pcall(lua_State *state) { return call_command(state, false); }

// MARK: Replies

static int api_error_reply(lua_State *state) {
    if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TSTRING)
        return fail(state, false, "wrong number or type of arguments");
    size_t count;
    const char *text = lua_tolstring(state, 1, &count);
    if (count == 0 || text[0] != '-') {
        lua_pushliteral(state, "-");
        lua_pushvalue(state, 1);
        lua_concat(state, 2);
        text = lua_tolstring(state, -1, &count);
    }
    hw_push_error(state, text, strlen(text));
    return 1;
}

static int api_status_reply(lua_State *state) {
    if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TSTRING)
        return fail(state, false, "wrong number or type of arguments");
    lua_createtable(state, 0, 1);
    lua_pushvalue(state, 1);
    lua_setfield(state, -2, "ok");
    return 1;
}

// MARK: Other functions

static int api_digest(lua_State *state) {
    if (lua_gettop(state) != 1) return raise_error(state, "wrong number of arguments");
    hw_bytes text = {NULL, 0};
    text.base = (const uint8_t *)lua_tolstring(state, 1, &text.count);
    if (!text.base) text.count = 0;
    hw_lua *lua = hw_owner(state);
    uint8_t digits[40];
    lua->host.digest(lua->host.context, text, digits);
    lua_pushlstring(state, (const char *)digits, sizeof digits);
    return 1;
}

static int api_log(lua_State *state) {
    int count = lua_gettop(state);
    if (count < 2) return raise_error(state, "redis.log() requires two arguments or more.");
    if (!lua_isnumber(state, 1))
        return raise_error(state, "First argument must be a number (log level).");
    int level = (int)lua_tonumber(state, 1);
    if (level < 0 || level > 3) return raise_error(state, "Invalid debug level.");
    luaL_Buffer buffer;
    luaL_buffinit(state, &buffer);
    for (int index = 2; index <= count; index++) {
        if (!lua_isstring(state, index)) continue;
        if (index > 2) luaL_addchar(&buffer, ' ');
        lua_pushvalue(state, index);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    hw_bytes text;
    text.base = (const uint8_t *)lua_tolstring(state, -1, &text.count);
    hw_lua *lua = hw_owner(state);
    lua->host.log(lua->host.context, level, text);
    return 0;
}

static int api_setresp(lua_State *state) {
    refuse_outside(state, "redis.setresp can only be called inside a script invocation");
    if (lua_gettop(state) != 1)
        return raise_error(state, "redis.setresp() requires one argument.");
    int version = (int)lua_tonumber(state, 1);
    if (version != 2 && version != 3)
        return raise_error(state, "RESP version must be 2 or 3.");
    hw_lua *lua = hw_owner(state);
    lua->script_protocol = version;
    lua->host.set_protocol(lua->host.context, version);
    return 0;
}

static int api_set_repl(lua_State *state) {
    refuse_outside(state, "redis.set_repl can only be called inside a script invocation");
    if (lua_gettop(state) != 1)
        return raise_error(state, "redis.set_repl() requires one argument.");
    int flags = (int)lua_tonumber(state, 1);
    if (flags & ~3)
        return raise_error(state, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, "
                                  "REPL_ALL or REPL_NONE.");
    // The log is the stream to the replicas: a write cannot be in one and not in the other.
    if (flags == 1 || flags == 2)
        return raise_error(state, "REPL_AOF and REPL_REPLICA cannot be told apart here: the log is "
                                  "the stream to the replicas. Use REPL_ALL or REPL_NONE.");
    hw_lua *lua = hw_owner(state);
    lua->host.set_propagation(lua->host.context, flags);
    return 0;
}

static int api_replicate_commands(lua_State *state) {
    lua_pushboolean(state, 1);
    return 1;
}

static int api_breakpoint(lua_State *state) {
    lua_pushboolean(state, hw_debug_breakpoint(state));
    return 1;
}

static int api_debug(lua_State *state) {
    hw_debug_print(state);
    return 0;
}

static int api_acl_check(lua_State *state) {
    refuse_outside(state, "redis.acl_check_cmd can only be called inside a script invocation");
    hw_lua *lua = hw_owner(state);
    int count = lua_gettop(state);
    if (count == 0)
        return raise_error(state, "Please specify at least one argument for this redis lib call");
    if (!collect(state, lua, count))
        return raise_error(state,
                           "Lua redis lib command arguments must be strings or integers");
    int answer = lua->host.check(lua->host.context, lua->arguments, (size_t)count);
    if (answer < 0)
        return raise_error(state, "Invalid command passed to redis.acl_check_cmd()");
    lua_pushboolean(state, answer);
    return 1;
}

// MARK: redis.register_function

typedef struct {
    hw_bytes name, description;
    int callback;
    uint32_t flags;
} registration;

static bool text_argument(lua_State *state, int index, hw_bytes *text) {
    if (!lua_isstring(state, index)) return false;
    text->base = (const uint8_t *)lua_tolstring(state, index, &text->count);
    return true;
}

/// Reads the list of flags on top.
static bool read_flags(lua_State *state, uint32_t *flags) {
    static const char *const names[] = {"no-writes", "allow-oom", "allow-stale", "no-cluster",
                                        "allow-cross-slot-keys", NULL};
    for (int place = 1;; place++) {
        lua_pushinteger(state, place);
        lua_gettable(state, -2);
        if (lua_isnil(state, -1)) return lua_pop(state, 1), true;
        const char *name = lua_tostring(state, -1);
        int flag = 0;
        while (name && names[flag] && strcasecmp(names[flag], name) != 0) flag++;
        lua_pop(state, 1);
        if (!name || !names[flag]) return false;
        *flags |= 1u << flag;
    }
}

/// One named argument: key at -2, value at -1. Null or what is wrong with it.
static const char *read_named(lua_State *state, registration *function) {
    if (lua_type(state, -2) != LUA_TSTRING)
        return "named argument key given to redis.register_function is not a string";
    const char *key = lua_tostring(state, -2);
    if (strcasecmp(key, "function_name") == 0)
        return text_argument(state, -1, &function->name)
                   ? NULL
                   : "function_name argument given to redis.register_function must be a string";
    if (strcasecmp(key, "description") == 0)
        return text_argument(state, -1, &function->description)
                   ? NULL
                   : "description argument given to redis.register_function must be a string";
    if (strcasecmp(key, "callback") == 0) {
        if (!lua_isfunction(state, -1))
            return "callback argument given to redis.register_function must be a function";
        // The table keeps the function alive meanwhile; its slot is remembered.
        lua_pushvalue(state, -1);
        lua_replace(state, function->callback);
        return NULL;
    }
    if (strcasecmp(key, "flags") == 0) {
        if (!lua_istable(state, -1))
            return "flags argument to redis.register_function must be a table representing "
                   "function flags";
        return read_flags(state, &function->flags) ? NULL : "unknown flag given";
    }
    return "unknown argument given to redis.register_function";
}

static const char *read_all_named(lua_State *state, registration *function) {
    if (!lua_istable(state, 1))
        return "calling redis.register_function with a single argument is only applicable to Lua "
               "table (representing named arguments).";
    function->callback = 2;
    lua_settop(state, 2);
    lua_pushnil(state);
    while (lua_next(state, 1)) {
        const char *problem = read_named(state, function);
        if (problem) return problem;
        lua_pop(state, 1);
    }
    if (!function->name.base) return "redis.register_function must get a function name argument";
    if (lua_isnil(state, 2)) return "redis.register_function must get a callback argument";
    return NULL;
}

static int api_register_function(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    if (!lua->is_loading)
        return raise_error(
            state, "redis.register_function can only be called on FUNCTION LOAD command");
    int count = lua_gettop(state);
    if (count < 1 || count > 2)
        return raise_error(state, "wrong number of arguments to redis.register_function");
    registration function = {{NULL, 0}, {NULL, 0}, 2, 0};
    if (count == 1) {
        const char *problem = read_all_named(state, &function);
        if (problem) return raise_error(state, problem);
    } else if (!text_argument(state, 1, &function.name)) {
        return raise_error(state,
                           "first argument to redis.register_function must be a string");
    } else if (!lua_isfunction(state, 2)) {
        return raise_error(state,
                           "second argument to redis.register_function must be a function");
    }
    lua_pushvalue(state, 2);
    int reference = luaL_ref(state, LUA_REGISTRYINDEX);
    hw_bytes problem = lua->host.register_function(
        lua->host.context, function.name, function.description, function.flags, reference);
    if (problem.count == 0) return 0;
    luaL_unref(state, LUA_REGISTRYINDEX, reference);
    hw_push_error(state, (const char *)problem.base, problem.count);
    return lua_error(state);
}

// MARK: The table

static void set_number(lua_State *state, const char *name, lua_Number value) {
    lua_pushnumber(state, value);
    lua_setfield(state, -2, name);
}

void hw_push_api(lua_State *state, bool for_loading) {
    static const luaL_Reg functions[] = {{"call", hw_api_call},
                                         {"pcall", api_pcall},
                                         {"error_reply", api_error_reply},
                                         {"status_reply", api_status_reply},
                                         {"sha1hex", api_digest},
                                         {"setresp", api_setresp},
                                         {"set_repl", api_set_repl},
                                         {"replicate_commands", api_replicate_commands},
                                         {"breakpoint", api_breakpoint},
                                         {"debug", api_debug},
                                         {"acl_check_cmd", api_acl_check},
                                         {NULL, NULL}};
    static const char *const levels[] = {"LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE",
                                         "LOG_WARNING"};
    const hw_lua_options *options = &hw_owner(state)->options;
    lua_newtable(state);
    lua_pushcfunction(state, api_log);
    lua_setfield(state, -2, "log");
    for (int level = 0; level < 4; level++) set_number(state, levels[level], level);
    lua_pushstring(state, options->version);
    lua_setfield(state, -2, "REDIS_VERSION");
    set_number(state, "REDIS_VERSION_NUM", options->version_number);
    if (for_loading) {
        lua_pushcfunction(state, api_register_function);
        lua_setfield(state, -2, "register_function");
        return;
    }
    for (const luaL_Reg *row = functions; row->name; row++) {
        lua_pushcfunction(state, row->func);
        lua_setfield(state, -2, row->name);
    }
    set_number(state, "REPL_NONE", 0);
    set_number(state, "REPL_AOF", 1);
    set_number(state, "REPL_SLAVE", 2);
    set_number(state, "REPL_REPLICA", 2);
    set_number(state, "REPL_ALL", 3);
}
