// The library `struct`: values as bytes in the layout of a format, as in Redis.
//
//   > < big or little-endian   ! n alignment   b h l T i n   integers (upper case: unsigned)
//   f d float and double       x padding       c n bytes     s bytes up to a zero
//
// Sizes come from scripts: each is checked against what it is applied to before anything is read.
#include "internal.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define INTEGER_BYTES_MAX 32
#define ALIGNMENT_MAX 8

typedef struct {
    bool is_big;
    int alignment;
} layout;

static int read_count(lua_State *state, const char **format, int absent) {
    if (!isdigit((unsigned char)**format)) return absent;
    int value = 0;
    do {
        int digit = *(*format)++ - '0';
        if (value > INT_MAX / 10 || value * 10 > INT_MAX - digit)
            luaL_error(state, "integral size overflow");
        value = value * 10 + digit;
    } while (isdigit((unsigned char)**format));
    return value;
}

/// Bytes of an option's value; 0 for those that have none or tell it by their value.
static size_t option_bytes(lua_State *state, char option, const char **format) {
    switch (option) {
    case 'b':
    case 'B':
    case 'x': return 1;
    case 'h':
    case 'H': return sizeof(short);
    case 'l':
    case 'L': return sizeof(long);
    case 'T': return sizeof(size_t);
    case 'f': return sizeof(float);
    case 'd': return sizeof(double);
    case 'c': return (size_t)read_count(state, format, 1);
    case 'i':
    case 'I': {
        int size = read_count(state, format, sizeof(int));
        if (size > INTEGER_BYTES_MAX)
            luaL_error(state, "integral size %d is larger than limit of %d", size,
                       INTEGER_BYTES_MAX);
        return (size_t)size;
    }
    default: return 0;
    }
}

/// Bytes of padding before a value of `size` bytes at `position`.
static size_t padding(size_t position, const layout *layout, char option, size_t size) {
    if (size == 0 || option == 'c') return 0;
    if (size > (size_t)layout->alignment) size = (size_t)layout->alignment;
    return (size - (position & (size - 1))) & (size - 1);
}

static void read_control(lua_State *state, char option, const char **format, layout *layout) {
    switch (option) {
    case ' ': return;
    case '>': layout->is_big = true; return;
    case '<': layout->is_big = false; return;
    case '!': {
        int alignment = read_count(state, format, ALIGNMENT_MAX);
        if (alignment <= 0 || (alignment & (alignment - 1)))
            luaL_error(state, "alignment %d is not a power of 2", alignment);
        layout->alignment = alignment;
        return;
    }
    default:
        luaL_argerror(state, 1, lua_pushfstring(state, "invalid format option '%c'", option));
    }
}

static bool is_integer(char option) { return option && strchr("bBhHlLTiI", option); }

// MARK: Packing

/// The bits of a number; beyond 64 bits as the processor converts them.
static uint64_t integer_bits(double number) {
    if (isnan(number)) return (uint64_t)INT64_MIN;
    if (number < 0)
        return number >= -9223372036854775808.0 ? (uint64_t)(int64_t)number : (uint64_t)INT64_MIN;
    return number < 18446744073709551616.0 ? (uint64_t)number : 0;
}

static void put_integer(lua_State *state, luaL_Buffer *buffer, int index, const layout *layout,
                        size_t size) {
    uint64_t value = integer_bits(luaL_checknumber(state, index));
    char bytes[INTEGER_BYTES_MAX];
    for (size_t place = 0; place < size; place++, value >>= 8)
        bytes[layout->is_big ? size - 1 - place : place] = (char)value;
    luaL_addlstring(buffer, bytes, size);
}

/// Brings bytes into the layout's order; this machine is little-endian.
static void reorder(char *bytes, size_t size, const layout *layout) {
    if (!layout->is_big) return;
    for (size_t low = 0, high = size - 1; low < high; low++, high--) {
        char byte = bytes[low];
        bytes[low] = bytes[high];
        bytes[high] = byte;
    }
}

static void put_number(lua_State *state, luaL_Buffer *buffer, int index, const layout *layout,
                       size_t size) {
    double number = luaL_checknumber(state, index);
    float narrow = (float)number;
    char bytes[sizeof(double)];
    memcpy(bytes, size == sizeof narrow ? (void *)&narrow : (void *)&number, size);
    reorder(bytes, size, layout);
    luaL_addlstring(buffer, bytes, size);
}

static int struct_pack(lua_State *state) {
    const char *format = luaL_checkstring(state, 1);
    layout layout = {false, 1};
    luaL_Buffer buffer;
    int index = 2;
    size_t total = 0;
    // Separates the arguments from the buffer's pieces.
    lua_pushnil(state);
    luaL_buffinit(state, &buffer);
    while (*format) {
        char option = *format++;
        size_t size = option_bytes(state, option, &format);
        size_t gap = padding(total, &layout, option, size);
        total += gap;
        while (gap-- > 0) luaL_addchar(&buffer, '\0');
        if (is_integer(option)) {
            put_integer(state, &buffer, index++, &layout, size);
        } else if (option == 'x') {
            luaL_addchar(&buffer, '\0');
        } else if (option == 'f' || option == 'd') {
            put_number(state, &buffer, index++, &layout, size);
        } else if (option == 'c' || option == 's') {
            size_t length;
            const char *text = luaL_checklstring(state, index++, &length);
            if (size == 0) size = length;
            luaL_argcheck(state, length >= size, index, "string too short");
            luaL_addlstring(&buffer, text, size);
            if (option == 's') {
                luaL_addchar(&buffer, '\0');
                size++;
            }
        } else {
            read_control(state, option, &format, &layout);
        }
        total += size;
    }
    luaL_pushresult(&buffer);
    return 1;
}

// MARK: Unpacking

static void push_integer(lua_State *state, const char *bytes, const layout *layout, size_t size,
                         bool is_signed) {
    uint64_t value = 0;
    for (size_t place = 0; place < size; place++)
        value = value << 8 | (uint8_t)bytes[layout->is_big ? place : size - 1 - place];
    if (!is_signed) return lua_pushnumber(state, (lua_Number)value);
    if (size > 0 && size < 8 && value >> (size * 8 - 1)) value |= ~0ULL << (size * 8 - 1);
    lua_pushnumber(state, (lua_Number)(int64_t)value);
}

static void push_number(lua_State *state, const char *bytes, const layout *layout, size_t size) {
    char copy[sizeof(double)];
    memcpy(copy, bytes, size);
    reorder(copy, size, layout);
    float narrow;
    double number;
    if (size == sizeof narrow) {
        memcpy(&narrow, copy, size);
        number = narrow;
    } else {
        memcpy(&number, copy, size);
    }
    lua_pushnumber(state, number);
}

static void check_room(lua_State *state, size_t size, size_t position, size_t length) {
    luaL_argcheck(state, size <= length && position <= length - size, 2, "data string too short");
}

static int struct_unpack(lua_State *state) {
    const char *format = luaL_checkstring(state, 1);
    size_t length;
    const char *data = luaL_checklstring(state, 2, &length);
    lua_Integer start = luaL_optinteger(state, 3, 1);
    luaL_argcheck(state, start != 0, 3, "offset must be 1 or greater");
    // One before the start is too far behind every end, so it is refused with the first value.
    size_t position = (size_t)start - 1;
    layout layout = {false, 1};
    int results = 0;
    while (*format) {
        char option = *format++;
        size_t size = option_bytes(state, option, &format);
        position += padding(position, &layout, option, size);
        check_room(state, size, position, length);
        luaL_checkstack(state, 2, "too many results");
        if (is_integer(option)) {
            push_integer(state, data + position, &layout, size, islower((unsigned char)option));
            results++;
        } else if (option == 'f' || option == 'd') {
            push_number(state, data + position, &layout, size);
            results++;
        } else if (option == 'c') {
            if (size == 0) {
                if (results == 0 || !lua_isnumber(state, -1))
                    luaL_error(state, "format 'c0' needs a previous size");
                lua_Number wanted = lua_tonumber(state, -1);
                luaL_argcheck(state, wanted >= 0 && wanted <= (lua_Number)length, 2,
                              "data string too short");
                size = (size_t)wanted;
                lua_pop(state, 1);
                results--;
                check_room(state, size, position, length);
            }
            lua_pushlstring(state, data + position, size);
            results++;
        } else if (option == 's') {
            const char *end = memchr(data + position, '\0', length - position);
            if (!end) luaL_error(state, "unfinished string in data");
            size = (size_t)(end - (data + position)) + 1;
            lua_pushlstring(state, data + position, size - 1);
            results++;
        } else if (option != 'x') {
            read_control(state, option, &format, &layout);
        }
        position += size;
    }
    lua_pushinteger(state, (lua_Integer)position + 1);
    return results + 1;
}

static int struct_size(lua_State *state) {
    const char *format = luaL_checkstring(state, 1);
    layout layout = {false, 1};
    size_t position = 0;
    while (*format) {
        char option = *format++;
        size_t size = option_bytes(state, option, &format);
        position += padding(position, &layout, option, size);
        if (option == 's') luaL_argerror(state, 1, "option 's' has no fixed size");
        if (option == 'c' && size == 0) luaL_argerror(state, 1, "option 'c0' has no fixed size");
        if (!isalnum((unsigned char)option)) read_control(state, option, &format, &layout);
        position += size;
    }
    lua_pushinteger(state, (lua_Integer)position);
    return 1;
}

void hw_open_struct(lua_State *state) {
    static const luaL_Reg functions[] = {
        {"pack", struct_pack}, {"unpack", struct_unpack}, {"size", struct_size}, {NULL, NULL}};
    hw_push_library(state, functions);
}
