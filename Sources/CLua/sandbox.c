// What scripts may reach: Lua's own libraries without files, loading of bytecode and environments,
// and every shared table protected against writes.
//
// Debian's Lua has no read-only tables, so scripts never see a shared table itself but a face of it:
//
//   script ──► face { }  ──metatable──► { __index = real, __newindex = refuse }
//              always empty               │
//                                         └──► real { call = …, pcall = … }   never leaves C
//
// Everything that would reach past the metatable (next, pairs, rawget, rawset, getmetatable,
// setmetatable, table.insert) is our own and knows the faces by their addresses. The globals are a
// face too: `x = 1` finds `x` missing in the face and is refused.
#include "internal.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/// Registry fields.
#define FIELD_GLOBALS_METATABLE "headwater.globals-metatable"
#define FIELD_STRING_METATABLE "headwater.string-metatable"

static bool is_protected(lua_State *state, int index) {
    const hw_lua *lua = hw_owner(state);
    const void *table = lua_topointer(state, index);
    for (int place = 0; place < lua->protected_count; place++)
        if (lua->protected_tables[place] == table) return true;
    return false;
}

int hw_refuse_write(lua_State *state) {
    lua_pushliteral(state, "Attempt to modify a readonly table");
    return lua_error(state);
}

/// `__newindex` of faces: the error names the line of the script.
static int refuse_assignment(lua_State *state) {
    return luaL_error(state, "Attempt to modify a readonly table");
}

void hw_protect(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    if (lua->protected_count == HW_PROTECTED_MAX) luaL_error(state, "too many protected tables");
    lua_newtable(state);
    lua_createtable(state, 0, 2);
    lua_pushvalue(state, -3);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, refuse_assignment);
    lua_setfield(state, -2, "__newindex");
    lua_setmetatable(state, -2);
    lua->protected_tables[lua->protected_count++] = lua_topointer(state, -1);
    // A face is never collected, or its address could come back as another table.
    lua_pushvalue(state, -1);
    (void)luaL_ref(state, LUA_REGISTRYINDEX);
    lua_remove(state, -2);
}

bool hw_push_real(lua_State *state, int index) {
    if (!is_protected(state, index)) return false;
    lua_getmetatable(state, index);
    lua_pushliteral(state, "__index");
    lua_rawget(state, -2);
    lua_remove(state, -2);
    return true;
}

// MARK: Base functions

static int base_next(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 2);
    if (hw_push_real(state, 1)) lua_replace(state, 1);
    if (lua_next(state, 1)) return 2;
    lua_pushnil(state);
    return 1;
}

/// `next` for tables that are known to be no faces.
static int plain_next(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 2);
    if (lua_next(state, 1)) return 2;
    lua_pushnil(state);
    return 1;
}

static int base_pairs(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_pushvalue(state, lua_upvalueindex(is_protected(state, 1) ? 1 : 2));
    lua_pushvalue(state, 1);
    lua_pushnil(state);
    return 3;
}

static int base_rawget(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_checkany(state, 2);
    lua_settop(state, 2);
    if (hw_push_real(state, 1)) lua_replace(state, 1);
    lua_rawget(state, 1);
    return 1;
}

static int base_rawset(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_checkany(state, 2);
    luaL_checkany(state, 3);
    lua_settop(state, 3);
    if (is_protected(state, 1)) return hw_refuse_write(state);
    lua_rawset(state, 1);
    return 1;
}

static int base_getmetatable(lua_State *state) {
    luaL_checkany(state, 1);
    if (lua_type(state, 1) == LUA_TSTRING) {
        lua_getfield(state, LUA_REGISTRYINDEX, FIELD_STRING_METATABLE);
        return 1;
    }
    if (lua_istable(state, 1) && is_protected(state, 1)) {
        if (lua_rawequal(state, 1, LUA_GLOBALSINDEX)) {
            lua_getfield(state, LUA_REGISTRYINDEX, FIELD_GLOBALS_METATABLE);
        } else {
            lua_pushnil(state);
        }
        return 1;
    }
    if (!lua_getmetatable(state, 1)) {
        lua_pushnil(state);
        return 1;
    }
    luaL_getmetafield(state, 1, "__metatable");
    return 1;
}

static int base_setmetatable(lua_State *state) {
    int type = lua_type(state, 2);
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_argcheck(state, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
    if (is_protected(state, 1)) return hw_refuse_write(state);
    if (luaL_getmetafield(state, 1, "__metatable"))
        return luaL_error(state, "cannot change a protected metatable");
    lua_settop(state, 2);
    lua_setmetatable(state, 1);
    return 1;
}

/// pcall hands out the text of an error that carries one in its field `err`, as Redis does.
static int base_pcall(lua_State *state) {
    int count = lua_gettop(state);
    if (count == 0) {
        lua_pushboolean(state, 0);
        lua_pushliteral(state, "attempt to call a boolean value");
        return 2;
    }
    lua_pushboolean(state, 1);
    lua_insert(state, 1);
    if (lua_pcall(state, count - 1, LUA_MULTRET, 0)) {
        lua_remove(state, 1);
        if (lua_istable(state, -1)) {
            lua_getfield(state, -1, "err");
            if (lua_isstring(state, -1)) {
                lua_replace(state, -2);
            } else {
                lua_pop(state, 1);
            }
        }
        lua_pushboolean(state, 0);
        lua_insert(state, 1);
    }
    return lua_gettop(state);
}

int hw_compile(lua_State *state, lua_Reader reader, void *context, const char *name) {
    hw_lua *lua = hw_owner(state);
    if (lua->parsing_depth++ == 0) lua_gc(state, LUA_GCSTOP, 0);
    int status = lua_load(state, reader, context, name);
    if (--lua->parsing_depth == 0) lua_gc(state, LUA_GCRESTART, 0);
    return status;
}

typedef struct {
    const char *text;
    size_t count;
} whole_text;

static const char *read_whole(lua_State *state, void *context, size_t *count) {
    (void)state;
    whole_text *whole = context;
    *count = whole->count;
    whole->count = 0;
    return *count > 0 ? whole->text : NULL;
}

bool hw_load_text(lua_State *state, const char *text, size_t count, const char *name) {
    if (count > HW_LUA_SOURCE_MAX) {
        lua_pushfstring(
            state, "the source is larger than %d MB", HW_LUA_SOURCE_MAX >> 20);
        return false;
    }
    bool is_code = count > 0 && text[0] == LUA_SIGNATURE[0];
    // Another character that begins no token gives the error that the first byte of precompiled
    // code would give to Lua's parser.
    whole_text whole = is_code ? (whole_text){"\1", 1} : (whole_text){text, count};
    bool is_compiled = hw_compile(state, read_whole, &whole, name) == 0;
    if (!is_code) return is_compiled;
    (void)luaL_gsub(state, lua_tostring(state, -1), "char(1)", "char(27)");
    lua_remove(state, -2);
    return false;
}

/// Pushes the function of a text, or nil and what is wrong with it.
static int compile(lua_State *state, const char *text, size_t count, const char *name) {
    if (hw_load_text(state, text, count, name)) return 1;
    lua_pushnil(state);
    lua_insert(state, -2);
    return 2;
}

static int base_loadstring(lua_State *state) {
    size_t count;
    const char *text = luaL_checklstring(state, 1, &count);
    return compile(state, text, count, luaL_optstring(state, 2, text));
}

typedef struct {
    bool has_begun, is_code;
    size_t count;
} load_progress;

/// Calls the function at 1 for the next piece of a text; its slot 3 keeps the piece alive.
static const char *read_piece(lua_State *state, void *context, size_t *count) {
    load_progress *progress = context;
    luaL_checkstack(state, 2, "too many nested functions");
    lua_pushvalue(state, 1);
    lua_call(state, 0, 1);
    if (lua_isnil(state, -1)) {
        *count = 0;
        return NULL;
    }
    if (!lua_isstring(state, -1)) luaL_error(state, "reader function must return a string");
    lua_replace(state, 3);
    const char *piece = lua_tolstring(state, 3, count);
    progress->count += *count;
    if (progress->count > HW_LUA_SOURCE_MAX)
        luaL_error(state, "the source is larger than %d MB", HW_LUA_SOURCE_MAX >> 20);
    if (!progress->has_begun && *count > 0) {
        progress->has_begun = true;
        progress->is_code = piece[0] == LUA_SIGNATURE[0];
    }
    if (progress->is_code) {
        // See `hw_load_text`.
        *count = 1;
        return "\1";
    }
    return piece;
}

static int base_load(lua_State *state) {
    const char *name = luaL_optstring(state, 2, "=(load)");
    luaL_checktype(state, 1, LUA_TFUNCTION);
    lua_settop(state, 3);
    load_progress progress = {false, false, 0};
    if (hw_compile(state, read_piece, &progress, name) == 0) return 1;
    if (progress.is_code && lua_isstring(state, -1)) {
        (void)luaL_gsub(state, lua_tostring(state, -1), "char(1)", "char(27)");
        lua_remove(state, -2);
    }
    lua_pushnil(state);
    lua_insert(state, -2);
    return 2;
}

/// The collector's pace is the server's: scripts may ask for a collection, no more.
static int base_collectgarbage(lua_State *state) {
    static const char *const options[] = {"stop",       "restart", "collect", "count", "step",
                                          "setpause", "setstepmul", NULL};
    int option = luaL_checkoption(state, 1, "collect", options);
    int value = luaL_optint(state, 2, 0);
    bool is_parsing = hw_owner(state)->parsing_depth > 0;
    if ((option == 2 || option == 4) && is_parsing) {
        // A reader of `load` asks for it.
        lua_pushnumber(state, 0);
    } else if (option == 2) {
        lua_pushnumber(state, lua_gc(state, LUA_GCCOLLECT, 0));
    } else if (option == 3) {
        int bytes = lua_gc(state, LUA_GCCOUNTB, 0);
        lua_pushnumber(state, lua_gc(state, LUA_GCCOUNT, 0) + (lua_Number)bytes / 1024);
    } else if (option == 4) {
        lua_pushboolean(state, lua_gc(state, LUA_GCSTEP, value));
    } else {
        lua_pushnumber(state, option >= 5 ? 200 : 0);
    }
    return 1;
}

/// The library counts the values in an `int`, which overflows: the check of the stack then passes
/// for as many as there are not, and memory outside of it is written (CVE-2025-46817).
static int base_unpack(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    long long first = luaL_optint(state, 2, 1);
    long long last = luaL_opt(state, luaL_checkint, 3, luaL_getn(state, 1));
    if (first > last) return 0;
    long long count = last - first + 1;
    if (count > INT_MAX || !lua_checkstack(state, (int)count))
        return luaL_error(state, "too many results to unpack");
    for (long long index = first; index <= last; index++) lua_rawgeti(state, 1, (int)index);
    return (int)count;
}

// MARK: table, math, os

static int table_insert(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    int end = (int)lua_objlen(state, 1) + 1;
    int place = end, steps = 0;
    if (lua_gettop(state) == 3) {
        place = luaL_checkint(state, 2);
        if (place > end) end = place;
        if (is_protected(state, 1)) return hw_refuse_write(state);
        for (int index = end; index > place; index--) {
            hw_count_step(state, &steps);
            lua_rawgeti(state, 1, index - 1);
            lua_rawseti(state, 1, index);
        }
    } else if (lua_gettop(state) != 2) {
        return luaL_error(state, "wrong number of arguments to 'insert'");
    } else if (is_protected(state, 1)) {
        return hw_refuse_write(state);
    }
    lua_rawseti(state, 1, place);
    return 0;
}

/// The state of the generator at its start, as POSIX has it.
#define RANDOM_FIRST 0x1234ABCD330E

/// The generator of POSIX' lrand48, so that scripts get the same numbers on every machine.
static int math_random(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    if (!lua->call)
        return luaL_error(state, "math.random can only be called inside a script invocation");
    lua->random = (lua->random * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF;
    const lua_Number greatest = 2147483647;
    lua_Number part = (lua_Number)((lua->random >> 17) % 2147483647) / greatest;
    switch (lua_gettop(state)) {
    case 0: lua_pushnumber(state, part); break;
    case 1: {
        int high = luaL_checkint(state, 1);
        luaL_argcheck(state, 1 <= high, 1, "interval is empty");
        lua_pushnumber(state, floor(part * high) + 1);
        break;
    }
    case 2: {
        int low = luaL_checkint(state, 1), high = luaL_checkint(state, 2);
        luaL_argcheck(state, low <= high, 2, "interval is empty");
        lua_pushnumber(state, floor(part * ((lua_Number)high - low + 1)) + low);
        break;
    }
    default: return luaL_error(state, "wrong number of arguments");
    }
    return 1;
}

static int math_randomseed(lua_State *state) {
    hw_owner(state)->random = (uint64_t)(uint32_t)luaL_checkint(state, 1) << 16 | 0x330E;
    return 0;
}

// MARK: Globals

static int refuse_global(lua_State *state) {
    if (lua_type(state, 2) != LUA_TSTRING && lua_type(state, 2) != LUA_TNUMBER)
        return luaL_error(state, "Script attempted to access a global by something else than a name");
    return luaL_error(state, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(state, 2));
}

/// Gives the table on top a metatable that refuses reads of what it lacks.
static void refuse_absent(lua_State *state) {
    lua_createtable(state, 0, 1);
    lua_pushcfunction(state, refuse_global);
    lua_setfield(state, -2, "__index");
    lua_setmetatable(state, -2);
}

static void open(lua_State *state, const char *name, lua_CFunction function) {
    lua_pushcfunction(state, function);
    lua_pushstring(state, name);
    lua_call(state, 1, 0);
}

/// What the machine's files, environment and locale say is none of a script's business.
static void keep_clock_only(lua_State *state) {
    lua_getglobal(state, LUA_OSLIBNAME);
    lua_createtable(state, 0, 1);
    lua_getfield(state, -2, "clock");
    lua_setfield(state, -2, "clock");
    lua_setglobal(state, LUA_OSLIBNAME);
    lua_pop(state, 1);
}

static void replace_functions(lua_State *state) {
    static const char *const removed[] = {"dofile", "loadfile", "print",   "newproxy", "setfenv",
                                          "getfenv", "module",  "require", NULL};
    static const luaL_Reg base[] = {{"next", base_next},
                                    {"rawget", base_rawget},
                                    {"rawset", base_rawset},
                                    {"getmetatable", base_getmetatable},
                                    {"setmetatable", base_setmetatable},
                                    {"pcall", base_pcall},
                                    {"loadstring", base_loadstring},
                                    {"load", base_load},
                                    {"collectgarbage", base_collectgarbage},
                                    {"unpack", base_unpack},
                                    {NULL, NULL}};
    for (int index = 0; removed[index]; index++) {
        lua_pushnil(state);
        lua_setglobal(state, removed[index]);
    }
    for (const luaL_Reg *row = base; row->name; row++) {
        lua_pushcfunction(state, row->func);
        lua_setglobal(state, row->name);
    }
    lua_getglobal(state, "next");
    lua_pushcfunction(state, plain_next);
    lua_pushcclosure(state, base_pairs, 2);
    lua_setglobal(state, "pairs");
    lua_getglobal(state, LUA_TABLIBNAME);
    lua_pushcfunction(state, table_insert);
    lua_setfield(state, -2, "insert");
    lua_getglobal(state, LUA_MATHLIBNAME);
    lua_pushcfunction(state, math_random);
    lua_setfield(state, -2, "random");
    lua_pushcfunction(state, math_randomseed);
    lua_setfield(state, -2, "randomseed");
    lua_pop(state, 2);
    hw_replace_string_functions(state);
}

/// Sets the global `name` to the protected face of the table on top.
static void publish(lua_State *state, const char *name) {
    hw_protect(state);
    lua_setglobal(state, name);
}

static void publish_libraries(lua_State *state) {
    static const char *const own[] = {LUA_STRLIBNAME, LUA_TABLIBNAME, LUA_MATHLIBNAME,
                                      LUA_OSLIBNAME,  LUA_COLIBNAME,  NULL};
    for (int index = 0; own[index]; index++) {
        lua_getglobal(state, own[index]);
        publish(state, own[index]);
    }
    hw_open_json(state);
    publish(state, "cjson");
    hw_open_message_pack(state);
    publish(state, "cmsgpack");
    hw_open_struct(state);
    publish(state, "struct");
    hw_open_bit(state);
    publish(state, "bit");
    hw_push_api(state, false);
    hw_protect(state);
    lua_pushvalue(state, -1);
    lua_setglobal(state, "redis");
    lua_setglobal(state, "server");
}

void hw_push_library(lua_State *state, const luaL_Reg *functions) {
    lua_newtable(state);
    for (const luaL_Reg *row = functions; row->name; row++) {
        lua_pushcfunction(state, row->func);
        lua_setfield(state, -2, row->name);
    }
}

void hw_build_sandbox(lua_State *state) {
    hw_owner(state)->random = RANDOM_FIRST;
    open(state, "", luaopen_base);
    open(state, LUA_TABLIBNAME, luaopen_table);
    open(state, LUA_STRLIBNAME, luaopen_string);
    open(state, LUA_MATHLIBNAME, luaopen_math);
    open(state, LUA_OSLIBNAME, luaopen_os);
    keep_clock_only(state);
    replace_functions(state);
    publish_libraries(state);

    lua_createtable(state, 0, 1);
    lua_getglobal(state, LUA_STRLIBNAME);
    lua_setfield(state, -2, "__index");
    hw_protect(state);
    lua_setfield(state, LUA_REGISTRYINDEX, FIELD_STRING_METATABLE);
    lua_createtable(state, 0, 1);
    lua_pushcfunction(state, refuse_global);
    lua_setfield(state, -2, "__index");
    hw_protect(state);
    lua_setfield(state, LUA_REGISTRYINDEX, FIELD_GLOBALS_METATABLE);

    lua_pushvalue(state, LUA_GLOBALSINDEX);
    refuse_absent(state);
    lua_pushvalue(state, -1);
    hw_protect(state);
    lua_pushvalue(state, -1);
    lua_setfield(state, -3, "_G");
    lua_replace(state, LUA_GLOBALSINDEX);
    lua_setfield(state, LUA_REGISTRYINDEX, HW_FIELD_GLOBALS);

    if (!hw_owner(state)->options.holds_libraries) return;
    // While a library loads it sees nothing but a small `redis`.
    lua_createtable(state, 0, 2);
    hw_push_api(state, true);
    refuse_absent(state);
    hw_protect(state);
    lua_pushvalue(state, -1);
    lua_setfield(state, -3, "redis");
    lua_setfield(state, -2, "server");
    refuse_absent(state);
    lua_setfield(state, LUA_REGISTRYINDEX, HW_FIELD_LOADING_GLOBALS);
}
