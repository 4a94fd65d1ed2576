// The library `cmsgpack`: MessagePack, with the choices of lua-cmsgpack 0.4.0.
//
//   integers in the shortest form, other numbers as float where that loses nothing
//   tables with keys 1…n are arrays, others maps; the seventeenth level of nesting becomes nil
//
// Reading is bounded by the input: each element takes a byte of it, and nesting by Lua's stack.
#include "internal.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define NESTING_MAX 16

// MARK: Packing

static void put(lua_State *state, const void *bytes, size_t count) {
    hw_put(state, &hw_owner(state)->scratch, bytes, count);
}

/// A marker byte and `size` bytes of `value`, highest first.
static void put_marked(lua_State *state, uint8_t marker, uint64_t value, int size) {
    uint8_t bytes[9];
    bytes[0] = marker;
    for (int place = 0; place < size; place++)
        bytes[1 + place] = (uint8_t)(value >> (8 * (size - 1 - place)));
    put(state, bytes, (size_t)size + 1);
}

static void put_integer(lua_State *state, int64_t value) {
    uint64_t bits = (uint64_t)value;
    if (value >= 0) {
        if (value <= 127) return put_marked(state, (uint8_t)value, 0, 0);
        if (value <= 0xFF) return put_marked(state, 0xCC, bits, 1);
        if (value <= 0xFFFF) return put_marked(state, 0xCD, bits, 2);
        if (value <= 0xFFFFFFFFLL) return put_marked(state, 0xCE, bits, 4);
        return put_marked(state, 0xCF, bits, 8);
    }
    if (value >= -32) return put_marked(state, (uint8_t)value, 0, 0);
    if (value >= -128) return put_marked(state, 0xD0, bits, 1);
    if (value >= -32768) return put_marked(state, 0xD1, bits, 2);
    if (value >= -2147483648LL) return put_marked(state, 0xD2, bits, 4);
    put_marked(state, 0xD3, bits, 8);
}

static void put_number(lua_State *state, double value) {
    // The cast is defined within the range only.
    if (value >= -9223372036854775808.0 && value < 9223372036854775808.0
        && (double)(int64_t)value == value)
        return put_integer(state, (int64_t)value);
    float narrow = (float)value;
    if ((double)narrow == value) {
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        return put_marked(state, 0xCA, bits, 4);
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_marked(state, 0xCB, bits, 8);
}

static void put_string(lua_State *state) {
    size_t count;
    const char *text = lua_tolstring(state, -1, &count);
    if (count < 32) {
        put_marked(state, (uint8_t)(0xA0 | count), 0, 0);
    } else if (count <= 0xFF) {
        put_marked(state, 0xD9, count, 1);
    } else if (count <= 0xFFFF) {
        put_marked(state, 0xDA, count, 2);
    } else {
        put_marked(state, 0xDB, count, 4);
    }
    put(state, text, count);
}

/// The head of an array or map of `count` elements.
static void put_head(lua_State *state, uint8_t fixed, uint8_t marker, size_t count) {
    if (count <= 15) {
        put_marked(state, (uint8_t)(fixed | count), 0, 0);
    } else if (count <= 0xFFFF) {
        put_marked(state, marker, count, 2);
    } else {
        put_marked(state, (uint8_t)(marker + 1), count, 4);
    }
}

static void put_value(lua_State *state, int level);

/// Whether the keys of the table on top are 1…n; counts them in any case.
static bool is_array(lua_State *state, size_t *count) {
    bool has_indexes = true;
    lua_Number greatest = 0;
    *count = 0;
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        lua_pop(state, 1);
        ++*count;
        lua_Number key = lua_type(state, -1) == LUA_TNUMBER ? lua_tonumber(state, -1) : 0;
        if (!(key > 0 && key <= INT_MAX && key == (lua_Number)(int)key)) has_indexes = false;
        if (key > greatest) greatest = key;
    }
    return has_indexes && greatest == (lua_Number)*count;
}

static void put_table(lua_State *state, int level) {
    luaL_checkstack(state, 4, "in function mp_encode_lua_table");
    size_t count;
    if (is_array(state, &count)) {
        put_head(state, 0x90, 0xDC, count);
        for (size_t index = 1; index <= count; index++) {
            lua_rawgeti(state, -1, (int)index);
            put_value(state, level + 1);
        }
        return;
    }
    put_head(state, 0x80, 0xDE, count);
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        lua_pushvalue(state, -2);
        put_value(state, level + 1);
        put_value(state, level + 1);
    }
}

/// Packs the value on top and pops it.
static void put_value(lua_State *state, int level) {
    int type = lua_type(state, -1);
    // Tables may contain themselves.
    if (type == LUA_TTABLE && level == NESTING_MAX) type = LUA_TNIL;
    switch (type) {
    case LUA_TSTRING: put_string(state); break;
    case LUA_TBOOLEAN:
        put_marked(state, lua_toboolean(state, -1) ? 0xC3 : 0xC2, 0, 0);
        break;
    case LUA_TNUMBER: put_number(state, lua_tonumber(state, -1)); break;
    case LUA_TTABLE: put_table(state, level); break;
    default: put_marked(state, 0xC0, 0, 0);
    }
    lua_pop(state, 1);
}

static int message_pack(lua_State *state) {
    int count = lua_gettop(state);
    hw_output *scratch = &hw_owner(state)->scratch;
    if (count == 0) return luaL_argerror(state, 0, "MessagePack pack needs input.");
    scratch->count = 0;
    for (int index = 1; index <= count; index++) {
        luaL_checkstack(state, 1, "in function mp_check");
        lua_pushvalue(state, index);
        put_value(state, 0);
    }
    lua_pushlstring(state, (const char *)scratch->bytes, scratch->count);
    hw_trim(scratch);
    return 1;
}

// MARK: Unpacking

typedef struct {
    const uint8_t *place;
    size_t left;
} cursor;

static const uint8_t *take(lua_State *state, cursor *input, size_t count) {
    if (count > input->left) luaL_error(state, "Missing bytes in input.");
    const uint8_t *bytes = input->place;
    input->place += count;
    input->left -= count;
    return bytes;
}

static uint64_t take_number(lua_State *state, cursor *input, int size) {
    const uint8_t *bytes = take(state, input, (size_t)size);
    uint64_t value = 0;
    for (int place = 0; place < size; place++) value = value << 8 | bytes[place];
    return value;
}

static void push_value(lua_State *state, cursor *input);

static void push_string(lua_State *state, cursor *input, uint64_t count) {
    const uint8_t *bytes = take(state, input, (size_t)count);
    lua_pushlstring(state, (const char *)bytes, (size_t)count);
}

static void push_array(lua_State *state, cursor *input, uint64_t count) {
    luaL_checkstack(state, 2, "in function mp_decode_to_lua_array");
    lua_newtable(state);
    for (uint64_t index = 1; index <= count; index++) {
        lua_pushnumber(state, (lua_Number)index);
        push_value(state, input);
        lua_settable(state, -3);
    }
}

static void push_map(lua_State *state, cursor *input, uint64_t count) {
    luaL_checkstack(state, 3, "in function mp_decode_to_lua_hash");
    lua_newtable(state);
    for (; count > 0; count--) {
        push_value(state, input);
        push_value(state, input);
        // Not raw: a key that is nil or no number is Lua's own error.
        lua_settable(state, -3);
    }
}

static void push_float(lua_State *state, cursor *input) {
    uint32_t bits = (uint32_t)take_number(state, input, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    lua_pushnumber(state, value);
}

static void push_double(lua_State *state, cursor *input) {
    uint64_t bits = take_number(state, input, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    lua_pushnumber(state, value);
}

/// A value whose marker holds a part of it.
static void push_fixed(lua_State *state, cursor *input, uint8_t marker) {
    if (marker < 0x80) return lua_pushnumber(state, marker);
    if (marker >= 0xE0) return lua_pushnumber(state, (int8_t)marker);
    if ((marker & 0xE0) == 0xA0) return push_string(state, input, marker & 0x1F);
    if ((marker & 0xF0) == 0x90) return push_array(state, input, marker & 0x0F);
    if ((marker & 0xF0) == 0x80) return push_map(state, input, marker & 0x0F);
    luaL_error(state, "Bad data format in input.");
}

static void push_value(lua_State *state, cursor *input) {
    luaL_checkstack(state, 1,
                    "too many return values at once; use unpack_one or unpack_limit instead.");
    uint8_t marker = *take(state, input, 1);
    switch (marker) {
    case 0xC0: return lua_pushnil(state);
    case 0xC2: return lua_pushboolean(state, 0);
    case 0xC3: return lua_pushboolean(state, 1);
    case 0xCA: return push_float(state, input);
    case 0xCB: return push_double(state, input);
    case 0xCC: return lua_pushnumber(state, (lua_Number)take_number(state, input, 1));
    case 0xCD: return lua_pushnumber(state, (lua_Number)take_number(state, input, 2));
    case 0xCE: return lua_pushnumber(state, (lua_Number)take_number(state, input, 4));
    case 0xCF:
        // As Redis: beyond 63 bits it is negative.
        return lua_pushnumber(state, (lua_Number)(int64_t)take_number(state, input, 8));
    case 0xD0: return lua_pushnumber(state, (int8_t)take_number(state, input, 1));
    case 0xD1: return lua_pushnumber(state, (int16_t)take_number(state, input, 2));
    case 0xD2: return lua_pushnumber(state, (int32_t)take_number(state, input, 4));
    case 0xD3: return lua_pushnumber(state, (lua_Number)(int64_t)take_number(state, input, 8));
    case 0xD9: return push_string(state, input, take_number(state, input, 1));
    case 0xDA: return push_string(state, input, take_number(state, input, 2));
    case 0xDB: return push_string(state, input, take_number(state, input, 4));
    case 0xDC: return push_array(state, input, take_number(state, input, 2));
    case 0xDD: return push_array(state, input, take_number(state, input, 4));
    case 0xDE: return push_map(state, input, take_number(state, input, 2));
    case 0xDF: return push_map(state, input, take_number(state, input, 4));
    default: push_fixed(state, input, marker);
    }
}

/// Unpacks at most `limit` values behind `offset`; all of them when both are 0.
static int unpack(lua_State *state, lua_Integer limit, lua_Integer offset) {
    size_t length;
    const char *text = luaL_checklstring(state, 1, &length);
    if (offset < 0 || limit < 0)
        // The second number is the length, as in lua-cmsgpack.
        return luaL_error(state,
                          "Invalid request to unpack with offset of %d and limit of %d.",
                          (int)offset, (int)length);
    if ((size_t)offset > length)
        return luaL_error(state, "Start offset %d greater than input length %d.", (int)offset,
                          (int)length);
    bool takes_all = limit == 0 && offset == 0;
    cursor input = {(const uint8_t *)text + offset, length - (size_t)offset};
    int count = 0;
    while (input.left > 0 && (takes_all || count < limit)) {
        push_value(state, &input);
        count++;
    }
    if (takes_all) return count;
    luaL_checkstack(state, 1, "in function mp_unpack_full");
    lua_pushinteger(state, input.left == 0 ? -1 : (lua_Integer)(length - input.left));
    lua_insert(state, 2);
    return count + 1;
}

static int message_unpack(lua_State *state) {
    (void)luaL_checkstring(state, 1);
    lua_settop(state, 1);
    return unpack(state, 0, 0);
}

static int message_unpack_one(lua_State *state) {
    lua_Integer offset = luaL_optinteger(state, 2, 0);
    lua_settop(state, 1);
    return unpack(state, 1, offset);
}

static int message_unpack_limit(lua_State *state) {
    lua_Integer limit = luaL_checkinteger(state, 2);
    lua_Integer offset = luaL_optinteger(state, 3, 0);
    lua_settop(state, 1);
    return unpack(state, limit, offset);
}

void hw_open_message_pack(lua_State *state) {
    static const luaL_Reg functions[] = {{"pack", message_pack},
                                         {"unpack", message_unpack},
                                         {"unpack_one", message_unpack_one},
                                         {"unpack_limit", message_unpack_limit},
                                         {NULL, NULL}};
    hw_push_library(state, functions);
    lua_pushliteral(state, "cmsgpack");
    lua_setfield(state, -2, "_NAME");
    lua_pushliteral(state, "lua-cmsgpack 0.4.0");
    lua_setfield(state, -2, "_VERSION");
    lua_pushliteral(state, "MessagePack for Lua scripts");
    lua_setfield(state, -2, "_DESCRIPTION");
}
