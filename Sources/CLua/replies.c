// Replies of commands as Lua values, and Lua values as replies.
//
//   RESP            Lua                           Lua                    RESP
//   :n              number                        number                 :n, without fraction
//   $n bytes        string                        string                 $n bytes
//   $-1 *-1         false                         false, nil             null
//   +text           {ok = text}                   true                   :1 (RESP2 script), #t
//   -text           {err = text}                  {err = …} {ok = …}     -… +…
//   *n              table                         table                  *n up to the first nil
//   _ #t ,d (n =    nil, boolean, {double =}, {big_number =}, {verbatim_string =}    and back
//   %n ~n           {map = {}}, {set = {}}                                           and back
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// MARK: RESP to Lua

/// What is left of a reply.
typedef struct {
    const uint8_t *place;
    const uint8_t *end;
} cursor;

static const uint8_t *line_end(lua_State *state, const cursor *input) {
    const uint8_t *end = memchr(input->place, '\r', (size_t)(input->end - input->place));
    if (!end || input->end - end < 2) luaL_error(state, "malformed reply of a command");
    return end;
}

/// The number of the present line, whose marker was passed; moves behind the line.
static long long read_number(lua_State *state, cursor *input) {
    const uint8_t *place = input->place, *end = line_end(state, input);
    bool negative = place < end && *place == '-';
    if (negative) place++;
    unsigned long long value = 0;
    for (; place < end; place++) value = value * 10 + (unsigned)(*place - '0');
    input->place = end + 2;
    return (long long)(negative ? 0 - value : value);
}

/// `count` bytes and a line end.
static const char *read_bytes(lua_State *state, cursor *input, long long count) {
    if (count < 0 || input->end - input->place < 2 || count > input->end - input->place - 2)
        luaL_error(state, "malformed reply of a command");
    const char *bytes = (const char *)input->place;
    input->place += count + 2;
    return bytes;
}

static void push_line(lua_State *state, cursor *input) {
    const uint8_t *end = line_end(state, input);
    lua_pushlstring(state, (const char *)input->place, (size_t)(end - input->place));
    input->place = end + 2;
}

/// Puts the value on top into a new table, as its only field.
static void wrap(lua_State *state, const char *field) {
    lua_createtable(state, 0, 1);
    lua_insert(state, -2);
    lua_setfield(state, -2, field);
}

static void push_value(lua_State *state, cursor *input);

static void push_array(lua_State *state, cursor *input) {
    long long count = read_number(state, input);
    if (count < 0) return lua_pushboolean(state, 0);
    lua_createtable(state, (int)count, 0);
    for (long long index = 1; index <= count; index++) {
        push_value(state, input);
        lua_rawseti(state, -2, (int)index);
    }
}

/// Elements that are nil cannot be keys: they are left out.
static void push_keyed(lua_State *state, cursor *input, bool has_values) {
    long long count = read_number(state, input);
    lua_createtable(state, 0, (int)count);
    for (long long index = 0; index < count; index++) {
        push_value(state, input);
        if (has_values) {
            push_value(state, input);
        } else {
            lua_pushboolean(state, 1);
        }
        bool is_number = lua_type(state, -2) == LUA_TNUMBER;
        if (lua_isnil(state, -2) || (is_number && isnan(lua_tonumber(state, -2)))) {
            lua_pop(state, 2);
        } else {
            lua_rawset(state, -3);
        }
    }
    wrap(state, has_values ? "map" : "set");
}

static void push_verbatim(lua_State *state, cursor *input) {
    long long count = read_number(state, input);
    const char *bytes = read_bytes(state, input, count);
    if (count < 4) luaL_error(state, "malformed reply of a command");
    lua_createtable(state, 0, 2);
    lua_pushlstring(state, bytes, 3);
    lua_setfield(state, -2, "format");
    lua_pushlstring(state, bytes + 4, (size_t)count - 4);
    lua_setfield(state, -2, "string");
    wrap(state, "verbatim_string");
}

static void push_command_error(lua_State *state, cursor *input) {
    const uint8_t *end = line_end(state, input);
    // The marker in front belongs to the text that `hw_push_error` reads.
    const char *text = (const char *)input->place - 1;
    hw_push_error(state, text, (size_t)((const char *)end - text));
    lua_pushboolean(state, 1);
    lua_setfield(state, -2, "ignore_error_stats_update");
    input->place = end + 2;
}

static void push_value(lua_State *state, cursor *input) {
    if (input->place == input->end) luaL_error(state, "malformed reply of a command");
    if (!lua_checkstack(state, 6))
        luaL_error(state, "lua stack limit reach when parsing redis.call reply");
    switch (*input->place++) {
    case '$': {
        long long count = read_number(state, input);
        if (count < 0) return lua_pushboolean(state, 0);
        lua_pushlstring(state, read_bytes(state, input, count), (size_t)count);
        return;
    }
    case ':': return lua_pushnumber(state, (lua_Number)read_number(state, input));
    case '+':
        push_line(state, input);
        return wrap(state, "ok");
    case '-': return push_command_error(state, input);
    case '*':
    case '>': return push_array(state, input);
    case '%': return push_keyed(state, input, true);
    case '~': return push_keyed(state, input, false);
    case '_':
        input->place = line_end(state, input) + 2;
        return lua_pushnil(state);
    case '#':
        lua_pushboolean(state, input->place < input->end && *input->place == 't');
        input->place = line_end(state, input) + 2;
        return;
    case ',': {
        char text[64];
        const uint8_t *end = line_end(state, input);
        size_t count = (size_t)(end - input->place);
        if (count >= sizeof text) count = sizeof text - 1;
        memcpy(text, input->place, count);
        text[count] = 0;
        lua_pushnumber(state, strtod(text, NULL));
        input->place = end + 2;
        return wrap(state, "double");
    }
    case '(':
        push_line(state, input);
        return wrap(state, "big_number");
    case '=': return push_verbatim(state, input);
    case '|':
        // Attributes are not for scripts.
        for (long long count = 2 * read_number(state, input); count > 0; count--) {
            push_value(state, input);
            lua_pop(state, 1);
        }
        return push_value(state, input);
    default: luaL_error(state, "malformed reply of a command");
    }
}

void hw_push_reply(lua_State *state, hw_bytes reply) {
    cursor input = {reply.base, reply.base + reply.count};
    push_value(state, &input);
}

// MARK: Lua to RESP

static void write_bulk(lua_State *state, hw_output *output, const char *bytes, size_t count) {
    hw_make_room(state, output, count + 32);
    hw_put_line(state, output, '$', (long long)count);
    hw_put(state, output, bytes, count);
    hw_put_text(state, output, "\r\n");
}

static void write_one_line(lua_State *state, hw_output *output, char marker, int index) {
    size_t count;
    const char *text = lua_tolstring(state, index, &count);
    hw_put(state, output, &marker, 1);
    // Status and error texts end at a zero byte, as in Redis.
    hw_put_one_line(state, output, text, marker == '(' ? count : strlen(text));
    hw_put_text(state, output, "\r\n");
}

static void write_null(lua_State *state, hw_lua *lua) {
    hw_put_text(state, &lua->output, lua->call->reply_protocol == 3 ? "_\r\n" : "$-1\r\n");
}

static void write_double(lua_State *state, hw_lua *lua, double value) {
    char text[40];
    size_t count = hw_number_text(value, text);
    if (lua->call->reply_protocol == 2) return write_bulk(state, &lua->output, text, count);
    hw_put_text(state, &lua->output, ",");
    hw_put(state, &lua->output, text, count);
    hw_put_text(state, &lua->output, "\r\n");
}

/// Pushes the field `name` of the table on top; pops it again unless it is of `type`.
static bool field(lua_State *state, const char *name, int type) {
    lua_pushstring(state, name);
    lua_rawget(state, -2);
    if (lua_type(state, -1) == type) return true;
    lua_pop(state, 1);
    return false;
}

/// Writes the table on top as map or set.
static void write_keyed(lua_State *state, hw_lua *lua, bool has_values) {
    long long count = 0;
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        count++;
        lua_pop(state, 1);
    }
    if (lua->call->reply_protocol == 3) {
        hw_put_line(state, &lua->output, has_values ? '%' : '~', count);
    } else {
        hw_put_line(state, &lua->output, '*', has_values ? count * 2 : count);
    }
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        lua_pushvalue(state, -2);
        hw_write_value(state, lua);
        if (has_values) {
            hw_write_value(state, lua);
        } else {
            lua_pop(state, 1);
        }
    }
}

/// Writes the table on top as verbatim string; false when it is none.
static bool write_verbatim(lua_State *state, hw_lua *lua) {
    if (!field(state, "format", LUA_TSTRING)) return false;
    size_t format_count, count;
    const char *format = lua_tolstring(state, -1, &format_count);
    lua_insert(state, -2);
    bool is_whole = field(state, "string", LUA_TSTRING);
    if (is_whole) {
        const char *text = lua_tolstring(state, -1, &count);
        hw_output *output = &lua->output;
        if (lua->call->reply_protocol == 2) {
            write_bulk(state, output, text, count);
        } else {
            char padded[4] = {' ', ' ', ' ', ':'};
            memcpy(padded, format, format_count < 3 ? format_count : 3);
            hw_put_line(state, output, '=', (long long)count + 4);
            hw_put(state, output, padded, 4);
            hw_put(state, output, text, count);
            hw_put_text(state, output, "\r\n");
        }
        lua_pop(state, 1);
    }
    lua_insert(state, -2);
    lua_pop(state, 1);
    return is_whole;
}

/// Writes the table on top if one of its fields says that it is no array.
static bool write_marked(lua_State *state, hw_lua *lua) {
    bool is_marked = true;
    if (field(state, "err", LUA_TSTRING)) {
        write_one_line(state, &lua->output, '-', -1);
    } else if (field(state, "ok", LUA_TSTRING)) {
        write_one_line(state, &lua->output, '+', -1);
    } else if (field(state, "double", LUA_TNUMBER)) {
        write_double(state, lua, lua_tonumber(state, -1));
    } else if (field(state, "map", LUA_TTABLE)) {
        write_keyed(state, lua, true);
    } else if (field(state, "set", LUA_TTABLE)) {
        write_keyed(state, lua, false);
    } else if (field(state, "big_number", LUA_TSTRING)) {
        if (lua->call->reply_protocol == 3) {
            write_one_line(state, &lua->output, '(', -1);
        } else {
            size_t count;
            const char *text = lua_tolstring(state, -1, &count);
            hw_put_line(state, &lua->output, '$', (long long)count);
            hw_put_one_line(state, &lua->output, text, count);
            hw_put_text(state, &lua->output, "\r\n");
        }
    } else if (field(state, "verbatim_string", LUA_TTABLE)) {
        is_marked = write_verbatim(state, lua);
    } else {
        return false;
    }
    lua_pop(state, 1);
    return is_marked;
}

static void write_table(lua_State *state, hw_lua *lua) {
    if (write_marked(state, lua)) return;
    int count = 0;
    for (;; count++) {
        lua_rawgeti(state, -1, count + 1);
        bool is_end = lua_isnil(state, -1);
        lua_pop(state, 1);
        if (is_end) break;
    }
    hw_put_line(state, &lua->output, '*', count);
    for (int index = 1; index <= count; index++) {
        lua_rawgeti(state, -1, index);
        hw_write_value(state, lua);
    }
}

void hw_write_value(lua_State *state, hw_lua *lua) {
    hw_output *output = &lua->output;
    if (!lua_checkstack(state, 6)) {
        hw_put_text(state, output, "-ERR reached lua stack limit\r\n");
        return lua_pop(state, 1);
    }
    switch (lua_type(state, -1)) {
    case LUA_TSTRING: {
        size_t count;
        const char *text = lua_tolstring(state, -1, &count);
        write_bulk(state, output, text, count);
        break;
    }
    case LUA_TNUMBER: {
        lua_Number value = lua_tonumber(state, -1);
        bool fits = value >= -9223372036854775808.0 && value < 9223372036854775808.0;
        hw_put_line(state, output, ':', fits ? (long long)value : INT64_MIN);
        break;
    }
    case LUA_TBOOLEAN:
        if (lua->script_protocol == 3) {
            const char *true_text = lua->call->reply_protocol == 3 ? "#t\r\n" : ":1\r\n";
            const char *false_text = lua->call->reply_protocol == 3 ? "#f\r\n" : ":0\r\n";
            hw_put_text(state, output, lua_toboolean(state, -1) ? true_text : false_text);
        } else if (lua_toboolean(state, -1)) {
            hw_put_text(state, output, ":1\r\n");
        } else {
            write_null(state, lua);
        }
        break;
    case LUA_TTABLE: write_table(state, lua); break;
    default: write_null(state, lua);
    }
    lua_pop(state, 1);
}
