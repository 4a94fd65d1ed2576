// The library `cjson`: JSON with the options and error texts of lua-cjson 2.1.0.
//
//   value   object │ array │ string │ number │ true │ false │ null       null: a null light userdata
//   table   keys 1…n (not too sparse): array; else object; an empty table is an object
//
// Options belong to an instance: each function has it as its upvalue.
#include "internal.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    int sparse_convert, sparse_ratio, sparse_safe;
    int encode_depth_max, decode_depth_max;
    /// 0 refused, 1 written as they are, 2 written as null.
    int encode_invalid;
    int decode_invalid;
    int keep_buffer;
    int precision;
} options;

static options *instance(lua_State *state) {
    return lua_touserdata(state, lua_upvalueindex(1));
}

static hw_output *scratch(lua_State *state) { return &hw_owner(state)->scratch; }

// MARK: Options

static options *begin_option(lua_State *state, int count) {
    luaL_argcheck(state, lua_gettop(state) <= count, count + 1, "found too many arguments");
    lua_settop(state, count);
    return instance(state);
}

static int integer_option(lua_State *state, int index, int *value, int low, int high) {
    if (!lua_isnil(state, index)) {
        lua_Integer wanted = luaL_checkinteger(state, index);
        char text[64];
        snprintf(text, sizeof text, "expected integer between %d and %d", low, high);
        luaL_argcheck(state, low <= wanted && wanted <= high, 1, text);
        *value = (int)wanted;
    }
    lua_pushinteger(state, *value);
    return 1;
}

/// An option of words, of which the first two are also false and true.
static int word_option(lua_State *state, int index, int *value, const char *const *words) {
    if (!lua_isnil(state, index)) {
        *value = lua_isboolean(state, index) ? lua_toboolean(state, index)
                                             : luaL_checkoption(state, index, NULL, words);
    }
    if (*value <= 1) {
        lua_pushboolean(state, *value);
    } else {
        lua_pushstring(state, words[*value]);
    }
    return 1;
}

static const char *const switch_words[] = {"off", "on", NULL};

static int json_encode_sparse_array(lua_State *state) {
    options *options = begin_option(state, 3);
    word_option(state, 1, &options->sparse_convert, switch_words);
    integer_option(state, 2, &options->sparse_ratio, 0, INT_MAX);
    integer_option(state, 3, &options->sparse_safe, 0, INT_MAX);
    return 3;
}

static int json_encode_max_depth(lua_State *state) {
    return integer_option(state, 1, &begin_option(state, 1)->encode_depth_max, 1, INT_MAX);
}

static int json_decode_max_depth(lua_State *state) {
    return integer_option(state, 1, &begin_option(state, 1)->decode_depth_max, 1, INT_MAX);
}

static int json_encode_number_precision(lua_State *state) {
    return integer_option(state, 1, &begin_option(state, 1)->precision, 1, 14);
}

/// The buffer belongs to the server: the option is kept and has no effect.
static int json_encode_keep_buffer(lua_State *state) {
    return word_option(state, 1, &begin_option(state, 1)->keep_buffer, switch_words);
}

static int json_encode_invalid_numbers(lua_State *state) {
    static const char *const words[] = {"off", "on", "null", NULL};
    return word_option(state, 1, &begin_option(state, 1)->encode_invalid, words);
}

static int json_decode_invalid_numbers(lua_State *state) {
    return word_option(state, 1, &begin_option(state, 1)->decode_invalid, switch_words);
}

// MARK: Encoding

static void put(lua_State *state, const char *text, size_t count) {
    hw_put(state, scratch(state), text, count);
}

static void refuse(lua_State *state, int index, const char *reason) {
    luaL_error(state, "Cannot serialise %s: %s", luaL_typename(state, index), reason);
}

static void put_string(lua_State *state, int index) {
    size_t count;
    const char *text = lua_tolstring(state, index, &count);
    hw_output *output = scratch(state);
    // A byte takes six at most: \u00XX.
    if (count > (SIZE_MAX - 2) / 6) luaL_error(state, "not enough memory");
    hw_make_room(state, output, count * 6 + 2);
    uint8_t *place = output->bytes + output->count;
    *place++ = '"';
    for (size_t at = 0; at < count; at++) {
        uint8_t byte = (uint8_t)text[at];
        const char *short_form = byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : byte == '/' ? "\\/"
            : byte == '\b' ? "\\b" : byte == '\t' ? "\\t" : byte == '\n' ? "\\n"
            : byte == '\f' ? "\\f" : byte == '\r' ? "\\r" : NULL;
        if (short_form) {
            *place++ = (uint8_t)short_form[0];
            *place++ = (uint8_t)short_form[1];
        } else if (byte < 32 || byte == 127) {
            char code[8];
            snprintf(code, sizeof code, "\\u%04x", byte);
            memcpy(place, code, 6);
            place += 6;
        } else {
            *place++ = byte;
        }
    }
    *place++ = '"';
    output->count = (size_t)(place - output->bytes);
}

static void put_number(lua_State *state, const options *options, int index) {
    double value = lua_tonumber(state, index);
    char text[64];
    if (isinf(value) || isnan(value)) {
        if (options->encode_invalid == 0) refuse(state, index, "must not be NaN or Inf");
        if (options->encode_invalid == 2) return put(state, "null", 4);
        if (isnan(value)) return put(state, "nan", 3);
    }
    int count = snprintf(text, sizeof text, "%.*g", options->precision, value);
    put(state, text, (size_t)count);
}

/// The length of the table on top as array; -1 when it is none.
static int array_length(lua_State *state, const options *options) {
    lua_Number greatest = 0;
    double items = 0;
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        lua_Number key = lua_type(state, -2) == LUA_TNUMBER ? lua_tonumber(state, -2) : 0;
        if (!(key >= 1 && floor(key) == key)) {
            lua_pop(state, 2);
            return -1;
        }
        if (key > greatest) greatest = key;
        items++;
        lua_pop(state, 1);
    }
    bool is_sparse = options->sparse_ratio > 0 && greatest > items * options->sparse_ratio
                     && greatest > options->sparse_safe;
    if (is_sparse && !options->sparse_convert) refuse(state, -1, "excessively sparse array");
    if (is_sparse || greatest > INT_MAX) return -1;
    return (int)greatest;
}

static void put_value(lua_State *state, const options *options, int depth);

static void put_object(lua_State *state, const options *options, int depth) {
    put(state, "{", 1);
    bool is_first = true;
    lua_pushnil(state);
    while (lua_next(state, -2)) {
        if (!is_first) put(state, ",", 1);
        is_first = false;
        int type = lua_type(state, -2);
        if (type == LUA_TNUMBER) {
            put(state, "\"", 1);
            put_number(state, options, -2);
            put(state, "\":", 2);
        } else if (type == LUA_TSTRING) {
            put_string(state, -2);
            put(state, ":", 1);
        } else {
            refuse(state, -2, "table key must be a number or string");
        }
        put_value(state, options, depth);
        lua_pop(state, 1);
    }
    put(state, "}", 1);
}

static void put_table(lua_State *state, const options *options, int depth) {
    depth++;
    if (depth > options->encode_depth_max || !lua_checkstack(state, 3))
        luaL_error(state, "Cannot serialise, excessive nesting (%d)", depth);
    int length = array_length(state, options);
    if (length <= 0) return put_object(state, options, depth);
    put(state, "[", 1);
    for (int index = 1; index <= length; index++) {
        if (index > 1) put(state, ",", 1);
        lua_rawgeti(state, -1, index);
        put_value(state, options, depth);
        lua_pop(state, 1);
    }
    put(state, "]", 1);
}

/// Writes the value on top and leaves it there.
static void put_value(lua_State *state, const options *options, int depth) {
    switch (lua_type(state, -1)) {
    case LUA_TSTRING: return put_string(state, -1);
    case LUA_TNUMBER: return put_number(state, options, -1);
    case LUA_TBOOLEAN:
        return lua_toboolean(state, -1) ? put(state, "true", 4) : put(state, "false", 5);
    case LUA_TTABLE: return put_table(state, options, depth);
    case LUA_TNIL: return put(state, "null", 4);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(state, -1)) return put(state, "null", 4);
        break;
    default: break;
    }
    refuse(state, -1, "type not supported");
}

static int json_encode(lua_State *state) {
    luaL_argcheck(state, lua_gettop(state) == 1, 1, "expected 1 argument");
    hw_output *output = scratch(state);
    output->count = 0;
    put_value(state, instance(state), 0);
    lua_pushlstring(state, (const char *)output->bytes, output->count);
    hw_trim(output);
    return 1;
}

// MARK: Decoding

typedef enum {
    OBJECT_BEGIN,
    OBJECT_END,
    ARRAY_BEGIN,
    ARRAY_END,
    STRING,
    NUMBER,
    BOOLEAN,
    NULL_WORD,
    COLON,
    COMMA,
    END,
    WRONG,
} kind;

typedef struct {
    kind kind;
    /// Where it begins, from 0.
    size_t index;
    /// What is wrong with it.
    const char *problem;
    double number;
    bool truth;
} token;

typedef struct {
    lua_State *state;
    const options *options;
    const char *data;
    const char *place;
    int depth;
    token token;
} parser;

static void fail(parser *parser, const char *expected) {
    static const char *const names[] = {"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END",
                                        "T_STRING",    "T_NUMBER",  "T_BOOLEAN",   "T_NULL",
                                        "T_COLON",     "T_COMMA",   "T_END"};
    const token *token = &parser->token;
    luaL_error(parser->state, "Expected %s but found %s at character %d", expected,
               token->kind == WRONG ? token->problem : names[token->kind],
               (int)token->index + 1);
}

static void wrong(parser *parser, const char *problem) {
    parser->token.kind = WRONG;
    parser->token.index = (size_t)(parser->place - parser->data);
    parser->token.problem = problem;
}

static int hex_digit(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/// Four hexadecimal digits; -1 when they are not there. The data end with a zero byte.
static int hex_number(const char *text) {
    int value = 0;
    for (int index = 0; index < 4; index++) {
        int digit = hex_digit(text[index]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

static int put_utf8(char *bytes, int code) {
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    int count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int index = count - 1; index > 0; index--, code >>= 6)
        bytes[index] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)((0xF00 >> count) | code);
    return count;
}

/// Reads `\uXXXX`, or two of them for a surrogate pair, at the present place.
static bool read_unicode(parser *parser, char *bytes, int *count) {
    const char *text = parser->place;
    int code = hex_number(text + 2);
    if (code < 0) return false;
    parser->place += 6;
    if ((code & 0xF800) == 0xD800) {
        int low = code & 0x400 || text[6] != '\\' || text[7] != 'u' ? -1 : hex_number(text + 8);
        if (low < 0 || (low & 0xFC00) != 0xDC00) {
            parser->place = text;
            return false;
        }
        code = ((code & 0x3FF) << 10 | (low & 0x3FF)) + 0x10000;
        parser->place += 6;
    }
    *count = put_utf8(bytes, code);
    return true;
}

/// Reads a string into the scratch buffer; its room is as large as the whole input.
static void read_string(parser *parser) {
    static const char escapes[] = "\"\\/btnfr", meanings[] = "\"\\/\b\t\n\f\r";
    hw_output *text = scratch(parser->state);
    text->count = 0;
    parser->place++;
    for (; *parser->place != '"';) {
        char byte = *parser->place;
        if (!byte) return wrong(parser, "unexpected end of string");
        if (byte == '\\') {
            char code = parser->place[1];
            if (code == 'u') {
                int count;
                if (!read_unicode(parser, (char *)text->bytes + text->count, &count))
                    return wrong(parser, "invalid unicode escape code");
                text->count += (size_t)count;
                continue;
            }
            const char *escape = code ? strchr(escapes, code) : NULL;
            if (!escape) return wrong(parser, "invalid escape code");
            byte = meanings[escape - escapes];
            parser->place++;
        }
        text->bytes[text->count++] = (uint8_t)byte;
        parser->place++;
    }
    parser->place++;
    parser->token.kind = STRING;
}

/// What C reads as a number and JSON does not: signs, hexadecimal, leading zeros, inf, nan.
static bool is_invalid_number(const char *text) {
    if (*text == '+') return true;
    if (*text == '-') text++;
    if (*text == '0') return (text[1] | 0x20) == 'x' || (text[1] >= '0' && text[1] <= '9');
    if (*text <= '9') return false;
    return strncasecmp(text, "inf", 3) == 0 || strncasecmp(text, "nan", 3) == 0;
}

static void read_number(parser *parser) {
    char *end;
    parser->token.number = strtod(parser->place, &end);
    if (end == parser->place) return wrong(parser, "invalid number");
    parser->token.kind = NUMBER;
    parser->place = end;
}

static bool read_word(parser *parser, const char *word, kind kind, bool truth) {
    size_t count = strlen(word);
    if (strncmp(parser->place, word, count) != 0) return false;
    parser->place += count;
    parser->token.kind = kind;
    parser->token.truth = truth;
    return true;
}

static void next(parser *parser) {
    static const char marks[] = "{}[]";
    while (*parser->place && strchr(" \t\n\r", *parser->place)) parser->place++;
    char byte = *parser->place;
    parser->token.index = (size_t)(parser->place - parser->data);
    if (!byte) {
        parser->token.kind = END;
        return;
    }
    const char *mark = strchr(marks, byte);
    if (mark || byte == ':' || byte == ',') {
        parser->token.kind = mark ? (kind)(mark - marks) : byte == ':' ? COLON : COMMA;
        parser->place++;
        return;
    }
    if (byte == '"') return read_string(parser);
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        if (!parser->options->decode_invalid && is_invalid_number(parser->place))
            return wrong(parser, "invalid number");
        return read_number(parser);
    }
    if (read_word(parser, "true", BOOLEAN, true) || read_word(parser, "false", BOOLEAN, false)
        || read_word(parser, "null", NULL_WORD, false))
        return;
    if (strchr("iInN+", byte) && parser->options->decode_invalid
        && is_invalid_number(parser->place))
        return read_number(parser);
    wrong(parser, "invalid token");
}

static void push_token(parser *parser);

static void descend(parser *parser, int slots) {
    parser->depth++;
    if (parser->depth <= parser->options->decode_depth_max
        && lua_checkstack(parser->state, slots))
        return;
    luaL_error(parser->state, "Found too many nested data structures (%d) at character %d",
               parser->depth, (int)(parser->place - parser->data));
}

static void push_object(parser *parser) {
    lua_State *state = parser->state;
    descend(parser, 3);
    lua_newtable(state);
    next(parser);
    while (parser->token.kind != OBJECT_END) {
        if (parser->token.kind != STRING) fail(parser, "object key string");
        const hw_output *text = scratch(state);
        lua_pushlstring(state, (const char *)text->bytes, text->count);
        next(parser);
        if (parser->token.kind != COLON) fail(parser, "colon");
        next(parser);
        push_token(parser);
        lua_rawset(state, -3);
        next(parser);
        if (parser->token.kind == OBJECT_END) break;
        if (parser->token.kind != COMMA) fail(parser, "comma or object end");
        next(parser);
        // No end behind a comma.
        if (parser->token.kind == OBJECT_END) fail(parser, "object key string");
    }
    parser->depth--;
}

static void push_array(parser *parser) {
    lua_State *state = parser->state;
    descend(parser, 2);
    lua_newtable(state);
    next(parser);
    for (int index = 1; parser->token.kind != ARRAY_END; index++) {
        push_token(parser);
        lua_rawseti(state, -2, index);
        next(parser);
        if (parser->token.kind == ARRAY_END) break;
        if (parser->token.kind != COMMA) fail(parser, "comma or array end");
        next(parser);
        if (parser->token.kind == ARRAY_END) fail(parser, "value");
    }
    parser->depth--;
}

/// Pushes the value that begins with the present token.
static void push_token(parser *parser) {
    lua_State *state = parser->state;
    const hw_output *text = scratch(state);
    switch (parser->token.kind) {
    case STRING: lua_pushlstring(state, (const char *)text->bytes, text->count); return;
    case NUMBER: return lua_pushnumber(state, parser->token.number);
    case BOOLEAN: return lua_pushboolean(state, parser->token.truth);
    case NULL_WORD: return lua_pushlightuserdata(state, NULL);
    case OBJECT_BEGIN: return push_object(parser);
    case ARRAY_BEGIN: return push_array(parser);
    default: fail(parser, "value");
    }
}

static int json_decode(lua_State *state) {
    luaL_argcheck(state, lua_gettop(state) == 1, 1, "expected 1 argument");
    size_t count;
    const char *data = luaL_checklstring(state, 1, &count);
    if (count >= 2 && (!data[0] || !data[1]))
        luaL_error(state, "JSON parser does not support UTF-16 or UTF-32");
    hw_output *text = scratch(state);
    text->count = 0;
    hw_make_room(state, text, count + 8);
    parser parser = {.state = state, .options = instance(state), .data = data, .place = data};
    next(&parser);
    push_token(&parser);
    next(&parser);
    if (parser.token.kind != END) fail(&parser, "the end");
    hw_trim(text);
    return 1;
}

// MARK: The table

/// cjson.new: an instance with options of its own.
static int json_new(lua_State *state) {
    static const luaL_Reg functions[] = {
        {"encode", json_encode},
        {"decode", json_decode},
        {"encode_sparse_array", json_encode_sparse_array},
        {"encode_max_depth", json_encode_max_depth},
        {"decode_max_depth", json_decode_max_depth},
        {"encode_number_precision", json_encode_number_precision},
        {"encode_keep_buffer", json_encode_keep_buffer},
        {"encode_invalid_numbers", json_encode_invalid_numbers},
        {"decode_invalid_numbers", json_decode_invalid_numbers},
        {"new", json_new},
        {NULL, NULL}};
    lua_newtable(state);
    options *made = lua_newuserdata(state, sizeof *made);
    *made = (options){.sparse_ratio = 2,
                      .sparse_safe = 10,
                      .encode_depth_max = 1000,
                      .decode_depth_max = 1000,
                      .decode_invalid = 1,
                      .keep_buffer = 1,
                      .precision = 14};
    for (const luaL_Reg *row = functions; row->name; row++) {
        lua_pushvalue(state, -1);
        lua_pushcclosure(state, row->func, 1);
        lua_setfield(state, -3, row->name);
    }
    lua_pop(state, 1);
    lua_pushlightuserdata(state, NULL);
    lua_setfield(state, -2, "null");
    lua_pushliteral(state, "cjson");
    lua_setfield(state, -2, "_NAME");
    lua_pushliteral(state, "2.1.0");
    lua_setfield(state, -2, "_VERSION");
    return 1;
}

void hw_open_json(lua_State *state) { (void)json_new(state); }
