// The life of a state, and the protected calls into it.
//
// Everything that may raise an error runs inside one lua_pcall or lua_cpcall of this file: an error
// of Lua never passes the functions that Swift has called.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// MARK: Memory

static void *allocate(void *owner, void *old, size_t old_bytes, size_t bytes) {
    hw_lua *lua = owner;
    if (bytes == 0) {
        free(old);
        lua->bytes -= old_bytes;
        return NULL;
    }
    // Lua relies on blocks that shrink without failing.
    if (bytes > old_bytes && lua->bytes + (bytes - old_bytes) > lua->options.bytes_max) return NULL;
    void *block = realloc(old, bytes);
    if (!block) return NULL;
    lua->bytes += bytes - old_bytes;
    return block;
}

// MARK: Interruption

/// From now on each line fails, or a script could catch the error and go on.
static void interrupt(hw_lua *lua, lua_State *state);

void hw_interrupt_if_asked(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    if (!lua->call && !lua->is_loading) return;
    if (lua->host.interrupt(lua->host.context)) interrupt(lua, state);
}

static void hook(lua_State *state, lua_Debug *debug) {
    hw_lua *lua = hw_owner(state);
    if (!lua->call && !lua->is_loading) return;
    // A script that has stood still may have been killed meanwhile: its next line must not run.
    bool has_stopped = lua->debugger && hw_debug_hook(state, debug);
    if (!has_stopped && debug->event == LUA_HOOKLINE && lua_gethookcount(state) > 0) return;
    if (lua->host.interrupt(lua->host.context)) interrupt(lua, state);
}

static void interrupt(hw_lua *lua, lua_State *state) {
    lua_sethook(state, hook, LUA_MASKLINE, 0);
    if (state != lua->state) lua_sethook(lua->state, hook, LUA_MASKLINE, 0);
    hw_bytes reason = lua->host.interruption(lua->host.context);
    hw_push_error(state, (const char *)reason.base, reason.count);
    lua_error(state);
}

static void set_hook(hw_lua *lua) {
    int mask = lua->debugger ? LUA_MASKCOUNT | LUA_MASKLINE : LUA_MASKCOUNT;
    if (lua_gethookmask(lua->state) != mask)
        lua_sethook(lua->state, hook, mask, HW_LUA_HOOK_INSTRUCTIONS);
}

// MARK: Errors

/// Turns an error into a table with its text and place: `{err =, source =, line =}`.
static int handle_error(lua_State *state) {
    lua_settop(state, 1);
    if (!lua_istable(state, 1)) {
        lua_createtable(state, 0, 3);
        if (lua_isstring(state, 1)) {
            lua_pushliteral(state, "ERR ");
            lua_pushvalue(state, 1);
            lua_concat(state, 2);
        } else {
            lua_pushfstring(state, "ERR %s", lua_toboolean(state, 1) ? "true"
                                             : lua_isnil(state, 1)   ? "nil"
                                                                     : luaL_typename(state, 1));
            if (lua_isboolean(state, 1) && !lua_toboolean(state, 1)) {
                lua_pop(state, 1);
                lua_pushliteral(state, "ERR false");
            }
        }
        lua_setfield(state, 2, "err");
        lua_replace(state, 1);
    }
    lua_Debug debug;
    if (!lua_getstack(state, 1, &debug)) return 1;
    lua_getinfo(state, "Sl", &debug);
    if (strcmp(debug.what, "C") == 0) {
        if (!lua_getstack(state, 2, &debug)) return 1;
        lua_getinfo(state, "Sl", &debug);
    }
    // Raw, so that a script's metatable has no say in it.
    if (hw_push_real(state, 1)) return lua_pop(state, 1), 1;
    lua_pushliteral(state, "source");
    lua_pushstring(state, debug.source);
    lua_rawset(state, 1);
    lua_pushliteral(state, "line");
    lua_pushinteger(state, debug.currentline);
    lua_rawset(state, 1);
    return 1;
}

/// The string field `name` of the table on top; null when there is none. Leaves it on the stack.
static const char *string_field(lua_State *state, const char *name, size_t *count) {
    lua_pushstring(state, name);
    lua_rawget(state, -2);
    return lua_isstring(state, -1) ? lua_tolstring(state, -1, count) : NULL;
}

/// Writes the error on top of the stack as an error reply and pops it: lua_cpcall's function.
static int write_error(lua_State *state) {
    hw_lua *lua = lua_touserdata(state, 1);
    hw_output *output = &lua->output;
    lua_rawgeti(state, LUA_REGISTRYINDEX, lua->reference);
    size_t count;
    if (!lua_istable(state, -1)) {
        // The error handler itself has failed, or there was no memory for a table.
        const char *text = lua_isstring(state, -1) ? lua_tolstring(state, -1, &count) : NULL;
        if (!text) text = "execution failure";
        hw_put_text(state, output, "-ERR Error running script ");
        hw_put(state, output, lua->call->name.base, lua->call->name.count);
        hw_put_text(state, output, ", ");
        hw_put_one_line(state, output, text, strnlen(text, 100));
        hw_put_text(state, output, "\r\n");
        return 0;
    }
    const char *text = string_field(state, "err", &count);
    if (!text) {
        text = "ERR unknown error";
        count = strlen(text);
    }
    hw_put_text(state, output, "-");
    hw_put_one_line(state, output, text, count);
    lua_pop(state, 1);
    size_t source_count, line_count;
    const char *source = string_field(state, "source", &source_count);
    lua_insert(state, -2);
    const char *line = string_field(state, "line", &line_count);
    if (source && line) {
        hw_put_text(state, output, " script: ");
        hw_put_one_line(state, output, (const char *)lua->call->name.base, lua->call->name.count);
        hw_put_text(state, output, ", on ");
        hw_put_one_line(state, output, source, source_count);
        hw_put_text(state, output, ":");
        hw_put_one_line(state, output, line, line_count);
        hw_put_text(state, output, ".");
    }
    hw_put_text(state, output, "\r\n");
    return 0;
}

/// Whether the error on top was counted when the command failed that it comes from.
static bool was_counted(lua_State *state) {
    if (!lua_istable(state, -1)) return false;
    // Walks the table because nothing that allocates may run here, outside of a protected call.
    lua_pushnil(state);
    bool counted = false;
    while (lua_next(state, -2)) {
        if (lua_type(state, -2) == LUA_TSTRING && lua_isboolean(state, -1)
            && strcmp(lua_tostring(state, -2), "ignore_error_stats_update") == 0)
            counted = lua_toboolean(state, -1);
        lua_pop(state, 1);
    }
    return counted;
}

static void put_fixed(hw_lua *lua, const char *text) {
    lua->output.count = 0;
    size_t count = strlen(text);
    if (!hw_output_reserve(&lua->output, count)) return;
    memcpy(lua->output.bytes, text, count);
    lua->output.count = count;
}

// MARK: Running

static void push_list(lua_State *state, const hw_bytes *items, size_t count) {
    lua_createtable(state, (int)count, 0);
    for (size_t index = 0; index < count; index++) {
        lua_pushlstring(state, (const char *)items[index].base, items[index].count);
        lua_rawseti(state, -2, (int)index + 1);
    }
}

/// Runs the present call: the function in `HW_SLOT_RUN`. Its upvalue is the table of globals.
static int run(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    const hw_lua_call *call = lua->call;
    bool is_function = lua->options.holds_libraries;
    if (is_function) lua_rawgeti(state, LUA_REGISTRYINDEX, lua->reference);
    push_list(state, call->keys, call->key_count);
    if (!is_function) lua_setfield(state, lua_upvalueindex(1), "KEYS");
    push_list(state, call->arguments, call->argument_count);
    if (!is_function) {
        lua_setfield(state, lua_upvalueindex(1), "ARGV");
        lua_rawgeti(state, LUA_REGISTRYINDEX, lua->reference);
    }
    lua_call(state, is_function ? 2 : 0, 1);
    hw_write_value(state, lua);
    return 0;
}

hw_lua_outcome hw_lua_run(hw_lua *lua, int reference, hw_lua_call call) {
    lua_State *state = lua->state;
    lua->call = &call;
    lua->reference = reference;
    lua->is_calling = false;
    lua->script_protocol = 2;
    lua->output.count = 0;
    set_hook(lua);
    lua_pushvalue(state, HW_SLOT_RUN);
    int status = lua_pcall(state, 0, 0, HW_SLOT_HANDLER);
    hw_lua_outcome outcome = HW_LUA_REPLIED;
    if (status != 0) {
        lua->output.count = 0;
        outcome = was_counted(state) ? HW_LUA_FAILED_COUNTED : HW_LUA_FAILED;
        // The error moves to the registry, where `write_error` finds it.
        lua_rawseti(state, LUA_REGISTRYINDEX, lua->error_reference);
        lua->reference = lua->error_reference;
        if (lua_cpcall(state, write_error, lua)) {
            put_fixed(lua, "-ERR not enough memory\r\n");
            lua_pop(state, 1);
        }
        lua_pushboolean(state, 0);
        lua_rawseti(state, LUA_REGISTRYINDEX, lua->error_reference);
    }
    lua_settop(state, HW_SLOT_COUNT);
    lua->call = NULL;
    // Lua collects by its own measure, not when an allocation fails: the next script needs room.
    if (status == LUA_ERRMEM || lua->bytes > lua->options.bytes_max / 2)
        lua_gc(state, LUA_GCCOLLECT, 0);
    return outcome;
}

// MARK: Compiling

typedef struct {
    hw_lua *lua;
    hw_bytes source;
    int reference;
} compilation;

static int put_top(lua_State *state, hw_lua *lua) {
    size_t count;
    const char *text = lua_tolstring(state, -1, &count);
    lua->output.count = 0;
    if (text) hw_put(state, &lua->output, text, count);
    return 0;
}

static bool compile(lua_State *state, hw_bytes source, const char *name) {
    const char *text = source.base ? (const char *)source.base : "";
    return hw_load_text(state, text, source.count, name);
}

static int compile_script(lua_State *state) {
    compilation *work = lua_touserdata(state, 1);
    if (!compile(state, work->source, "@user_script")) return put_top(state, work->lua);
    work->reference = luaL_ref(state, LUA_REGISTRYINDEX);
    return 0;
}

int hw_lua_compile(hw_lua *lua, hw_bytes source) {
    compilation work = {lua, source, -1};
    lua->output.count = 0;
    if (lua_cpcall(lua->state, compile_script, &work)) {
        put_fixed(lua, "not enough memory");
        lua_settop(lua->state, HW_SLOT_COUNT);
        lua_gc(lua->state, LUA_GCCOLLECT, 0);
    }
    return work.reference;
}

/// Chooses which table the face of the globals shows. Allocates nothing: the key is there.
static void show_globals(hw_lua *lua, int slot) {
    lua_pushvalue(lua->state, HW_SLOT_FACE_KEY);
    lua_pushvalue(lua->state, slot);
    lua_rawset(lua->state, HW_SLOT_FACE);
}

static int load_library(lua_State *state) {
    compilation *work = lua_touserdata(state, 1);
    if (!compile(state, work->source, "@user_function")) {
        lua_pushfstring(state, "Error compiling function: %s", lua_tostring(state, -1));
        return put_top(state, work->lua);
    }
    int status = lua_pcall(state, 0, 0, 0);
    if (status == 0) {
        work->reference = 1;
        return 0;
    }
    size_t count;
    const char *text = NULL;
    if (lua_isstring(state, -1)) {
        lua_pushliteral(state, "ERR ");
        lua_insert(state, -2);
        lua_concat(state, 2);
        text = lua_tolstring(state, -1, &count);
    } else if (lua_istable(state, -1)) {
        text = string_field(state, "err", &count);
    }
    lua_pushfstring(state, "Error registering functions: %s", text ? text : "ERR unknown error");
    return put_top(state, work->lua);
}

bool hw_lua_load_library(hw_lua *lua, hw_bytes source) {
    compilation work = {lua, source, -1};
    lua->output.count = 0;
    lua->is_loading = true;
    set_hook(lua);
    show_globals(lua, HW_SLOT_LOADING_GLOBALS);
    int status = lua_cpcall(lua->state, load_library, &work);
    if (status) put_fixed(lua, "not enough memory");
    lua_settop(lua->state, HW_SLOT_COUNT);
    show_globals(lua, HW_SLOT_GLOBALS);
    lua->is_loading = false;
    if (status) lua_gc(lua->state, LUA_GCCOLLECT, 0);
    return work.reference > 0;
}

void hw_lua_release(hw_lua *lua, int reference) {
    luaL_unref(lua->state, LUA_REGISTRYINDEX, reference);
}

// MARK: Life

static int build(lua_State *state) {
    hw_lua *lua = lua_touserdata(state, 1);
    hw_build_sandbox(state);
    // The first release of a reference makes a key in the registry: it is there from now on.
    lua_pushboolean(state, 0);
    luaL_unref(state, LUA_REGISTRYINDEX, luaL_ref(state, LUA_REGISTRYINDEX));
    lua_pushboolean(state, 0);
    lua->error_reference = luaL_ref(state, LUA_REGISTRYINDEX);

    lua_createtable(state, HW_SLOT_COUNT, 0);
    lua_getfield(state, LUA_REGISTRYINDEX, HW_FIELD_GLOBALS);
    lua_pushcclosure(state, run, 1);
    lua_rawseti(state, -2, HW_SLOT_RUN);
    lua_pushcfunction(state, handle_error);
    lua_rawseti(state, -2, HW_SLOT_HANDLER);
    lua_getmetatable(state, LUA_GLOBALSINDEX);
    lua_rawseti(state, -2, HW_SLOT_FACE);
    lua_pushliteral(state, "__index");
    lua_rawseti(state, -2, HW_SLOT_FACE_KEY);
    lua_getfield(state, LUA_REGISTRYINDEX, HW_FIELD_GLOBALS);
    lua_rawseti(state, -2, HW_SLOT_GLOBALS);
    lua_getfield(state, LUA_REGISTRYINDEX, HW_FIELD_LOADING_GLOBALS);
    lua_rawseti(state, -2, HW_SLOT_LOADING_GLOBALS);
    lua->anchors = luaL_ref(state, LUA_REGISTRYINDEX);
    return 0;
}

/// Lays the slots at the bottom of the stack of the main thread; nothing here allocates.
static bool anchor(hw_lua *lua) {
    lua_State *state = lua->state;
    if (lua_cpcall(state, build, lua)) return false;
    lua_rawgeti(state, LUA_REGISTRYINDEX, lua->anchors);
    for (int slot = 1; slot <= HW_SLOT_COUNT; slot++) lua_rawgeti(state, 1, slot);
    lua_remove(state, 1);
    return lua_gettop(state) == HW_SLOT_COUNT;
}

hw_lua *hw_lua_create(hw_lua_host host, hw_lua_options options) {
    hw_lua *lua = calloc(1, sizeof *lua);
    if (!lua) return NULL;
    lua->host = host;
    lua->options = options;
    lua->state = lua_newstate(allocate, lua);
    if (!lua->state || !anchor(lua)) {
        hw_lua_destroy(lua);
        return NULL;
    }
    set_hook(lua);
    return lua;
}

void hw_lua_destroy(hw_lua *lua) {
    if (lua->state) lua_close(lua->state);
    free(lua->arguments);
    free(lua->output.bytes);
    free(lua->scratch.bytes);
    free(lua);
}

hw_bytes hw_lua_output(const hw_lua *lua) {
    return (hw_bytes){lua->output.bytes, lua->output.count};
}

void hw_lua_trim_output(hw_lua *lua) { hw_trim(&lua->output); }

void hw_lua_limit(hw_lua *lua, size_t bytes_max) { lua->options.bytes_max = bytes_max; }

size_t hw_lua_bytes(const hw_lua *lua) { return lua->bytes; }

void hw_lua_collect(hw_lua *lua) { lua_gc(lua->state, LUA_GCCOLLECT, 0); }
