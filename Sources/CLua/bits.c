// The library `bit`: operations on 32 bits, with the results of LuaBitOp 1.0.2.
//
//   number + 2^52 + 2^51   the low 32 bits of the sum's mantissa are the number modulo 2^32
#include "internal.h"

#include <string.h>

static uint32_t bits(lua_State *state, int index) {
    double sum = luaL_checknumber(state, index) + 6755399441055744.0;
    uint64_t pattern;
    memcpy(&pattern, &sum, sizeof pattern);
    return (uint32_t)pattern;
}

static int push(lua_State *state, uint32_t value) {
    lua_pushnumber(state, (int32_t)value);
    return 1;
}

static int bit_tobit(lua_State *state) { return push(state, bits(state, 1)); }

static int bit_bnot(lua_State *state) { return push(state, ~bits(state, 1)); }

static int bit_band(lua_State *state) {
    uint32_t value = bits(state, 1);
    for (int index = lua_gettop(state); index > 1; index--) value &= bits(state, index);
    return push(state, value);
}

static int bit_bor(lua_State *state) {
    uint32_t value = bits(state, 1);
    for (int index = lua_gettop(state); index > 1; index--) value |= bits(state, index);
    return push(state, value);
}

static int bit_bxor(lua_State *state) {
    uint32_t value = bits(state, 1);
    for (int index = lua_gettop(state); index > 1; index--) value ^= bits(state, index);
    return push(state, value);
}

static int bit_lshift(lua_State *state) {
    uint32_t value = bits(state, 1);
    return push(state, value << (bits(state, 2) & 31));
}

static int bit_rshift(lua_State *state) {
    uint32_t value = bits(state, 1);
    return push(state, value >> (bits(state, 2) & 31));
}

static int bit_arshift(lua_State *state) {
    uint32_t value = bits(state, 1);
    return push(state, (uint32_t)((int32_t)value >> (bits(state, 2) & 31)));
}

static uint32_t rotated(uint32_t value, uint32_t count) {
    count &= 31;
    return count ? value << count | value >> (32 - count) : value;
}

static int bit_rol(lua_State *state) {
    uint32_t value = bits(state, 1);
    return push(state, rotated(value, bits(state, 2)));
}

static int bit_ror(lua_State *state) {
    uint32_t value = bits(state, 1);
    return push(state, rotated(value, 32 - (bits(state, 2) & 31)));
}

static int bit_bswap(lua_State *state) {
    return push(state, __builtin_bswap32(bits(state, 1)));
}

static int bit_tohex(lua_State *state) {
    uint32_t value = bits(state, 1);
    int32_t count = lua_isnone(state, 2) ? 8 : (int32_t)bits(state, 2);
    const char *digits = "0123456789abcdef";
    if (count < 0) {
        digits = "0123456789ABCDEF";
        count = count == INT32_MIN ? 8 : -count;
    }
    if (count > 8) count = 8;
    char text[8];
    for (int index = count - 1; index >= 0; index--, value >>= 4) text[index] = digits[value & 15];
    lua_pushlstring(state, text, (size_t)count);
    return 1;
}

void hw_open_bit(lua_State *state) {
    static const luaL_Reg functions[] = {
        {"tobit", bit_tobit},   {"bnot", bit_bnot},       {"band", bit_band},
        {"bor", bit_bor},       {"bxor", bit_bxor},       {"lshift", bit_lshift},
        {"rshift", bit_rshift}, {"arshift", bit_arshift}, {"rol", bit_rol},
        {"ror", bit_ror},       {"bswap", bit_bswap},     {"tohex", bit_tohex},
        {NULL, NULL}};
    hw_push_library(state, functions);
}
