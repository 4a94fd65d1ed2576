// The lines of the debugger: values and replies as text, gathered for the client.
#include "debugger.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 10
#define SHOWN_ARGUMENTS 10

// MARK: Lines

void hw_line_put(lua_State *state, const char *text) {
    hw_put_text(state, &hw_session(state)->text, text);
}

void hw_line_put_bytes(lua_State *state, const void *bytes, size_t count) {
    hw_put(state, &hw_session(state)->text, bytes, count);
}

void hw_line_put_number(lua_State *state, const char *format, double value) {
    char text[64];
    snprintf(text, sizeof text, format, value);
    hw_line_put(state, text);
}

void hw_line_end(lua_State *state) {
    struct hw_debugger *own = hw_session(state);
    hw_put_text(state, &own->lines, "+");
    hw_put_one_line(state, &own->lines, (const char *)own->text.bytes, own->text.count);
    hw_put_text(state, &own->lines, "\r\n");
    own->text.count = 0;
    own->lines_count++;
}

void hw_line(lua_State *state, const char *text) {
    hw_line_put(state, text);
    hw_line_end(state);
}

/// As `end_line`, cut to `maxlen`.
static void end_cut_line(lua_State *state) {
    struct hw_debugger *own = hw_session(state);
    bool is_cut = own->length_max > 0 && own->text.count > own->length_max;
    if (is_cut) {
        own->text.count = own->length_max;
        hw_line_put(state, " ...");
    }
    hw_line_end(state);
    if (!is_cut || own->has_hinted) return;
    own->has_hinted = true;
    hw_line(state, "<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming.");
}

void hw_lines_send(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    struct hw_debugger *own = lua->debugger;
    char header[24];
    int count = snprintf(header, sizeof header, "*%d\r\n", own->lines_count);
    hw_bytes parts[2] = {{(const uint8_t *)header, (size_t)count},
                         {own->lines.bytes, own->lines.count}};
    lua->host.debug_send(lua->host.context, parts[0]);
    lua->host.debug_send(lua->host.context, parts[1]);
    own->lines.count = 0;
    own->lines_count = 0;
}

// MARK: Values

static void put_quoted(lua_State *state, const char *bytes, size_t count) {
    hw_output *text = &hw_session(state)->text;
    hw_line_put(state, "\"");
    for (size_t index = 0; index < count; index++) {
        unsigned char byte = (unsigned char)bytes[index];
        static const char special[] = "\n\r\t\a\b", letters[] = "nrtab";
        const char *place = byte ? strchr(special, byte) : NULL;
        char written[8];
        if (byte == '"' || byte == '\\') {
            snprintf(written, sizeof written, "\\%c", byte);
        } else if (place) {
            snprintf(written, sizeof written, "\\%c", letters[place - special]);
        } else if (isprint(byte)) {
            snprintf(written, sizeof written, "%c", byte);
        } else {
            snprintf(written, sizeof written, "\\x%02x", byte);
        }
        hw_put_text(state, text, written);
    }
    hw_line_put(state, "\"");
}

static void put_value(lua_State *state, int depth);

/// Whether the keys of the table on top are 1, 2, … in the order of `next`.
static bool is_list(lua_State *state) {
    int expected = 1;
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        bool fits = lua_type(state, -2) == LUA_TNUMBER && lua_tonumber(state, -2) == expected++;
        lua_pop(state, 1);
        if (fits) continue;
        lua_pop(state, 1);
        return false;
    }
    return true;
}

static void put_table(lua_State *state, int depth) {
    // A face shows its real table.
    if (!hw_push_real(state, lua_gettop(state))) lua_pushvalue(state, -1);
    bool list = is_list(state), first = true;
    hw_line_put(state, "{");
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        if (!first) hw_line_put(state, "; ");
        first = false;
        if (!list) {
            hw_line_put(state, "[");
            lua_pushvalue(state, -2);
            put_value(state, depth);
            lua_pop(state, 1);
            hw_line_put(state, "]=");
        }
        put_value(state, depth);
        lua_pop(state, 1);
    }
    hw_line_put(state, "}");
    lua_pop(state, 1);
}

/// Writes the value on top of the stack and leaves it there.
static void put_value(lua_State *state, int depth) {
    luaL_checkstack(state, 8, "too much to show");
    if (depth == DEPTH_MAX)
        return hw_line_put(state, "<max recursion level reached! Nested table?>");
    int type = lua_type(state, -1);
    switch (type) {
    case LUA_TSTRING: {
        size_t count;
        const char *bytes = lua_tolstring(state, -1, &count);
        return put_quoted(state, bytes, count);
    }
    case LUA_TBOOLEAN: return hw_line_put(state, lua_toboolean(state, -1) ? "true" : "false");
    case LUA_TNUMBER: return hw_line_put_number(state, "%g", lua_tonumber(state, -1));
    case LUA_TNIL: return hw_line_put(state, "nil");
    case LUA_TTABLE: return put_table(state, depth + 1);
    default: {
        char text[64];
        const char *name = lua_typename(state, type);
        if (type == LUA_TLIGHTUSERDATA) name = "light-userdata";
        snprintf(text, sizeof text, "\"%s@%p\"", name, lua_topointer(state, -1));
        hw_line_put(state, text);
    }
    }
}

void hw_line_value(lua_State *state, const char *prefix) {
    hw_line_put(state, prefix);
    put_value(state, 0);
    end_cut_line(state);
}

// MARK: Replies

/// Writes one reply as redis-cli would not, but Redis' debugger does; returns what follows it.
static const char *put_reply(lua_State *state, const char *place, const char *end) {
    const char *stop = memchr(place, '\r', (size_t)(end - place));
    if (!stop) return end;
    const char *next = stop + 2;
    size_t count = (size_t)(stop - place);
    long long number = count > 1 ? strtoll(place + 1, NULL, 10) : 0;
    bool is_map = *place == '%', is_set = *place == '~';
    switch (*place) {
    case ':': hw_line_put_bytes(state, place + 1, count - 1); return next;
    case '$':
        if (number < 0) return hw_line_put(state, "NULL"), next;
        put_quoted(state, next, (size_t)number);
        return next + number + 2;
    case '_': return hw_line_put(state, "(null)"), next;
    case '#': return hw_line_put(state, place[1] == 't' ? "#true" : "#false"), next;
    case ',':
        hw_line_put(state, "(double) ");
        hw_line_put_bytes(state, place + 1, count - 1);
        return next;
    case '*':
    case '~':
    case '%': break;
    default: return put_quoted(state, place, count), next;
    }
    if (number < 0) return hw_line_put(state, "NULL"), next;
    hw_line_put(state, is_map ? "{" : is_set ? "~(" : "[");
    for (long long index = 0; index < number && next < end; index++) {
        if (index > 0) hw_line_put(state, ",");
        next = put_reply(state, next, end);
        if (!is_map) continue;
        hw_line_put(state, " => ");
        next = put_reply(state, next, end);
    }
    hw_line_put(state, is_map ? "}" : is_set ? ")" : "]");
    return next;
}

static bool shows_commands(const hw_lua *lua) { return lua->debugger && lua->debugger->steps; }

void hw_debug_command(lua_State *state, const hw_bytes *arguments, size_t count) {
    if (!shows_commands(hw_owner(state))) return;
    hw_line_put(state, "<redis>");
    for (size_t index = 0; index < count; index++) {
        if (index == SHOWN_ARGUMENTS) {
            hw_line_put_number(state, " ... (%.0f more)", (double)(count - index - 1));
            break;
        }
        hw_line_put(state, " ");
        hw_line_put_bytes(state, arguments[index].base,
               arguments[index].count);
    }
    hw_line_end(state);
}

void hw_debug_reply(lua_State *state, hw_bytes reply) {
    if (!shows_commands(hw_owner(state)) || reply.count == 0) return;
    const char *place = (const char *)reply.base;
    if (place[0] == '-') {
        const char *stop = memchr(place, '\r', reply.count);
        hw_line_put(state, "<error> ");
        hw_line_put_bytes(state, place,
               stop ? (size_t)(stop - place) : reply.count);
        hw_line_end(state);
    }
    hw_line_put(state, "<reply> ");
    put_reply(state, place, place + reply.count);
    end_cut_line(state);
}

bool hw_debug_breakpoint(lua_State *state) {
    struct hw_debugger *own = hw_session(state);
    if (own) own->breaks = true;
    return own != NULL;
}

void hw_debug_print(lua_State *state) {
    struct hw_debugger *own = hw_session(state);
    if (!own) return;
    int count = lua_gettop(state);
    hw_line_put_number(state, "<debug> line %.0f: ", own->current);
    for (int index = 1; index <= count; index++) {
        if (index > 1) hw_line_put(state, ", ");
        lua_pushvalue(state, index);
        put_value(state, 0);
        lua_pop(state, 1);
    }
    hw_line_end(state);
}
