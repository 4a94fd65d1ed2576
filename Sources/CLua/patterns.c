// Patterns of Lua (string.find, match, gmatch, gsub; Lua 5.1 manual, section 5.4.1), and the other
// functions of `string` and `table` whose time or memory a script chooses by a number.
//
// The library's matcher recurses as deep as the pattern says and cannot be interrupted. This one
//   - refuses what nests deeper than HW_PATTERN_DEPTH_MAX: "pattern too complex";
//   - counts its steps and asks the host now and then whether the script must end.
//
//   match(s, p) is nil or the end of the match of the pattern from p with the subject from s:
//
//     single characters   a  .  %a  [set]          one step of the loop
//     with * + - ?                                 tried longest or shortest first, then the rest
//     ( ) ()                                       a capture opens or closes, then the rest
//     %b() %f[set] %1                              balanced text, frontier, an earlier capture
//     $ at the end                                 the end of the subject
#define _GNU_SOURCE  // memmem
#include "internal.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/// Deepest nesting of trials: a level for each repetition and capture that the match goes through.
#define HW_PATTERN_DEPTH_MAX 1000
/// Steps between two questions to the host, some milliseconds at most.
#define STEPS_BETWEEN_QUESTIONS 100000
#define ESCAPE '%'
#define MAGIC "^$*+?.([%-"

enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

typedef struct {
    const char *start;
    ptrdiff_t length;
} capture;

typedef struct {
    lua_State *state;
    const char *subject, *subject_end, *pattern_end;
    int depth;
    int steps;
    int capture_count;
    capture captures[LUA_MAXCAPTURES];
} matcher;

void hw_count_step(lua_State *state, int *steps) {
    if (++*steps < STEPS_BETWEEN_QUESTIONS) return;
    *steps = 0;
    hw_interrupt_if_asked(state);
}

// MARK: Parts of a pattern

/// The end of the single-character item that begins at `pattern`.
static const char *item_end(matcher *m, const char *pattern) {
    if (*pattern == ESCAPE) {
        if (++pattern >= m->pattern_end)
            luaL_error(m->state, "malformed pattern (ends with '%%')");
        return pattern + 1;
    }
    if (*pattern++ != '[') return pattern;
    if (pattern < m->pattern_end && *pattern == '^') pattern++;
    // A bracket in first place is a member of the set.
    do {
        if (pattern >= m->pattern_end)
            luaL_error(m->state, "malformed pattern (missing ']')");
        if (*pattern++ == ESCAPE && pattern < m->pattern_end) pattern++;
    } while (pattern >= m->pattern_end || *pattern != ']');
    return pattern + 1;
}

static bool is_in_class(int character, int class) {
    bool is_member;
    switch (tolower(class)) {
    case 'a': is_member = isalpha(character); break;
    case 'c': is_member = iscntrl(character); break;
    case 'd': is_member = isdigit(character); break;
    case 'l': is_member = islower(character); break;
    case 'p': is_member = ispunct(character); break;
    case 's': is_member = isspace(character); break;
    case 'u': is_member = isupper(character); break;
    case 'w': is_member = isalnum(character); break;
    case 'x': is_member = isxdigit(character); break;
    case 'z': is_member = character == 0; break;
    default: return class == character;
    }
    return isupper(class) ? !is_member : is_member;
}

/// Whether the set from `[` to `last`, its `]`, has the character.
static bool is_in_set(int character, const char *set, const char *last) {
    bool is_member = true;
    if (*++set == '^') {
        is_member = false;
        set++;
    }
    for (; set < last; set++) {
        if (*set == ESCAPE) {
            if (is_in_class(character, (unsigned char)*++set)) return is_member;
        } else if (set[1] == '-' && set + 2 < last) {
            if ((unsigned char)set[0] <= character && character <= (unsigned char)set[2])
                return is_member;
            set += 2;
        } else if ((unsigned char)*set == character) {
            return is_member;
        }
    }
    return !is_member;
}

/// Whether the item from `item` to `end` matches the character at `text`.
static bool is_single_match(matcher *m, const char *text, const char *item, const char *end) {
    if (text >= m->subject_end) return false;
    int character = (unsigned char)*text;
    switch (*item) {
    case '.': return true;
    case ESCAPE: return is_in_class(character, (unsigned char)item[1]);
    case '[': return is_in_set(character, item, end - 1);
    default: return (unsigned char)*item == character;
    }
}

static int checked_capture(matcher *m, int digit) {
    int number = digit - '1';
    if (number < 0 || number >= m->capture_count || m->captures[number].length == CAPTURE_OPEN)
        return luaL_error(m->state, "invalid capture index");
    return number;
}

static int capture_to_close(matcher *m) {
    for (int number = m->capture_count - 1; number >= 0; number--)
        if (m->captures[number].length == CAPTURE_OPEN) return number;
    return luaL_error(m->state, "invalid pattern capture");
}

// MARK: Matching

static const char *match(matcher *m, const char *text, const char *pattern);

/// `%bxy`: the text from an x to the y that closes it.
static const char *match_balanced(matcher *m, const char *text, const char *pattern) {
    if (m->pattern_end - pattern < 2) luaL_error(m->state, "unbalanced pattern");
    if (text >= m->subject_end || *text != pattern[0]) return NULL;
    int nesting = 1;
    while (++text < m->subject_end) {
        hw_count_step(m->state, &m->steps);
        if (*text == pattern[1]) {
            if (--nesting == 0) return text + 1;
        } else if (*text == pattern[0]) {
            nesting++;
        }
    }
    return NULL;
}

/// `*` and `+`: the longest run first.
static const char *match_longest(matcher *m, const char *text, const char *item, const char *end) {
    ptrdiff_t count = 0;
    while (is_single_match(m, text + count, item, end)) {
        hw_count_step(m->state, &m->steps);
        count++;
    }
    for (; count >= 0; count--) {
        const char *found = match(m, text + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

/// `-`: the shortest run first.
static const char *match_shortest(matcher *m, const char *text, const char *item, const char *end) {
    while (true) {
        const char *found = match(m, text, end + 1);
        if (found) return found;
        if (!is_single_match(m, text, item, end)) return NULL;
        text++;
    }
}

static const char *open_capture(
    matcher *m, const char *text, const char *pattern, ptrdiff_t length) {
    if (m->capture_count >= LUA_MAXCAPTURES) luaL_error(m->state, "too many captures");
    m->captures[m->capture_count].start = text;
    m->captures[m->capture_count].length = length;
    m->capture_count++;
    const char *found = match(m, text, pattern);
    if (!found) m->capture_count--;
    return found;
}

static const char *close_capture(matcher *m, const char *text, const char *pattern) {
    int number = capture_to_close(m);
    m->captures[number].length = text - m->captures[number].start;
    const char *found = match(m, text, pattern);
    if (!found) m->captures[number].length = CAPTURE_OPEN;
    return found;
}

/// `%1`: the text of an earlier capture again.
static const char *match_again(matcher *m, const char *text, int digit) {
    const capture *earlier = &m->captures[checked_capture(m, digit)];
    size_t length = (size_t)earlier->length;
    if (earlier->length < 0 || (size_t)(m->subject_end - text) < length) return NULL;
    return memcmp(earlier->start, text, length) == 0 ? text + length : NULL;
}

/// `%f[set]`: between a character outside of the set and one inside.
static bool is_frontier(matcher *m, const char *text, const char *set, const char *last) {
    int before = text == m->subject ? 0 : (unsigned char)text[-1];
    int after = text == m->subject_end ? 0 : (unsigned char)*text;
    return !is_in_set(before, set, last) && is_in_set(after, set, last);
}

/// An item that is tried without a level of its own, and what goes on behind it.
typedef enum { ENDS, GOES_ON } progress;

/// Matches an item with what stands behind it; `GOES_ON` with both pointers moved, or the result.
static progress match_item(
    matcher *m, const char **text, const char **pattern, const char **result) {
    const char *item = *pattern, *end = item_end(m, item);
    char repetition = end < m->pattern_end ? *end : '\0';
    switch (repetition) {
    case '?':
        if (is_single_match(m, *text, item, end)) {
            *result = match(m, *text + 1, end + 1);
            if (*result) return ENDS;
        }
        *pattern = end + 1;
        return GOES_ON;
    case '*': *result = match_longest(m, *text, item, end); return ENDS;
    case '+':
        *result = is_single_match(m, *text, item, end)
                      ? match_longest(m, *text + 1, item, end) : NULL;
        return ENDS;
    case '-': *result = match_shortest(m, *text, item, end); return ENDS;
    default:
        *result = NULL;
        if (!is_single_match(m, *text, item, end)) return ENDS;
        *text += 1;
        *pattern = end;
        return GOES_ON;
    }
}

/// `%` with what follows where it is more than a class.
static progress match_escape(
    matcher *m, const char **text, const char **pattern, const char **result) {
    const char *next = *pattern + 1;
    char kind = next < m->pattern_end ? *next : '\0';
    if (kind == 'b') {
        *text = match_balanced(m, *text, next + 1);
        *pattern = next + 3;
    } else if (kind == 'f') {
        const char *set = next + 1;
        if (set >= m->pattern_end || *set != '[')
            luaL_error(m->state, "missing '[' after '%%f' in pattern");
        const char *end = item_end(m, set);
        if (!is_frontier(m, *text, set, end - 1)) *text = NULL;
        *pattern = end;
    } else if (isdigit((unsigned char)kind)) {
        *text = match_again(m, *text, (unsigned char)kind);
        *pattern = next + 1;
    } else {
        return match_item(m, text, pattern, result);
    }
    *result = NULL;
    return *text ? GOES_ON : ENDS;
}

static const char *match(matcher *m, const char *text, const char *pattern) {
    if (++m->depth > HW_PATTERN_DEPTH_MAX) luaL_error(m->state, "pattern too complex");
    const char *result = NULL;
    progress how = GOES_ON;
    while (how == GOES_ON) {
        hw_count_step(m->state, &m->steps);
        if (pattern >= m->pattern_end) {
            result = text;
            break;
        }
        switch (*pattern) {
        case '(':
            result = pattern + 1 < m->pattern_end && pattern[1] == ')'
                         ? open_capture(m, text, pattern + 2, CAPTURE_POSITION)
                         : open_capture(m, text, pattern + 1, CAPTURE_OPEN);
            how = ENDS;
            break;
        case ')':
            result = close_capture(m, text, pattern + 1);
            how = ENDS;
            break;
        case ESCAPE: how = match_escape(m, &text, &pattern, &result); break;
        case '$':
            if (pattern + 1 == m->pattern_end) {
                result = text == m->subject_end ? text : NULL;
                how = ENDS;
                break;
            }
            how = match_item(m, &text, &pattern, &result);
            break;
        default: how = match_item(m, &text, &pattern, &result); break;
        }
    }
    m->depth--;
    return result;
}

// MARK: Results

static void push_capture(matcher *m, int number, const char *start, const char *end) {
    if (number >= m->capture_count) {
        if (number != 0) luaL_error(m->state, "invalid capture index");
        lua_pushlstring(m->state, start, (size_t)(end - start));
        return;
    }
    const capture *one = &m->captures[number];
    if (one->length == CAPTURE_OPEN) luaL_error(m->state, "unfinished capture");
    if (one->length == CAPTURE_POSITION) {
        lua_pushinteger(m->state, one->start - m->subject + 1);
    } else {
        lua_pushlstring(m->state, one->start, (size_t)one->length);
    }
}

/// Pushes all captures; without any the whole match, if there is one to push.
static int push_captures(matcher *m, const char *start, const char *end) {
    int count = m->capture_count == 0 && start ? 1 : m->capture_count;
    luaL_checkstack(m->state, count, "too many captures");
    for (int number = 0; number < count; number++) push_capture(m, number, start, end);
    return count;
}

static void prepare(
    matcher *m, lua_State *state, const char *subject, size_t subject_count, const char *pattern,
    size_t pattern_count) {
    m->state = state;
    m->subject = subject;
    m->subject_end = subject + subject_count;
    m->pattern_end = pattern + pattern_count;
    m->steps = 0;
}

static const char *begin_match(matcher *m, const char *text, const char *pattern) {
    m->capture_count = 0;
    m->depth = 0;
    return match(m, text, pattern);
}

static bool has_magic(const char *pattern, size_t count) {
    for (size_t place = 0; place < count; place++)
        if (pattern[place] && strchr(MAGIC, pattern[place])) return true;
    return false;
}

// MARK: Functions of `string`

static int find_or_match(lua_State *state, bool is_find) {
    size_t subject_count, pattern_count;
    const char *subject = luaL_checklstring(state, 1, &subject_count);
    const char *pattern = luaL_checklstring(state, 2, &pattern_count);
    ptrdiff_t first = luaL_optinteger(state, 3, 1);
    if (first < 0) first += (ptrdiff_t)subject_count + 1;
    first = first > 0 ? first - 1 : 0;
    if ((size_t)first > subject_count) first = (ptrdiff_t)subject_count;
    if (is_find && (lua_toboolean(state, 4) || !has_magic(pattern, pattern_count))) {
        const char *found = memmem(
            subject + first, subject_count - (size_t)first, pattern, pattern_count);
        if (!found) return lua_pushnil(state), 1;
        lua_pushinteger(state, found - subject + 1);
        lua_pushinteger(state, found - subject + (ptrdiff_t)pattern_count);
        return 2;
    }
    matcher m;
    prepare(&m, state, subject, subject_count, pattern, pattern_count);
    bool is_anchored = pattern_count > 0 && *pattern == '^';
    if (is_anchored) pattern++;
    for (const char *text = subject + first; text <= m.subject_end; text++) {
        const char *end = begin_match(&m, text, pattern);
        if (end && is_find) {
            lua_pushinteger(state, text - subject + 1);
            lua_pushinteger(state, end - subject);
            return push_captures(&m, NULL, NULL) + 2;
        }
        if (end) return push_captures(&m, text, end);
        if (is_anchored) break;
    }
    return lua_pushnil(state), 1;
}

static int string_find(lua_State *state) { return find_or_match(state, true); }

static int string_match(lua_State *state) { return find_or_match(state, false); }

/// Upvalues: subject, pattern, and the place where the next search begins.
static int next_match(lua_State *state) {
    size_t subject_count, pattern_count;
    const char *subject = lua_tolstring(state, lua_upvalueindex(1), &subject_count);
    const char *pattern = lua_tolstring(state, lua_upvalueindex(2), &pattern_count);
    matcher m;
    prepare(&m, state, subject, subject_count, pattern, pattern_count);
    const char *text = subject + lua_tointeger(state, lua_upvalueindex(3));
    for (; text <= m.subject_end; text++) {
        const char *end = begin_match(&m, text, pattern);
        if (!end) continue;
        // An empty match is not found a second time.
        lua_pushinteger(state, end - subject + (end == text ? 1 : 0));
        lua_replace(state, lua_upvalueindex(3));
        return push_captures(&m, text, end);
    }
    return 0;
}

static int string_gmatch(lua_State *state) {
    luaL_checkstring(state, 1);
    luaL_checkstring(state, 2);
    lua_settop(state, 2);
    lua_pushinteger(state, 0);
    lua_pushcclosure(state, next_match, 3);
    return 1;
}

/// Adds the replacement text with its `%0` to `%9`.
static void add_text(matcher *m, luaL_Buffer *buffer, const char *start, const char *end) {
    size_t count;
    const char *text = lua_tolstring(m->state, 3, &count);
    for (size_t place = 0; place < count; place++) {
        if (text[place] != ESCAPE) {
            luaL_addchar(buffer, text[place]);
            continue;
        }
        place++;
        // Behind a last `%` stands the zero byte that ends each text of Lua.
        if (!isdigit((unsigned char)text[place])) {
            luaL_addchar(buffer, text[place]);
        } else if (text[place] == '0') {
            luaL_addlstring(buffer, start, (size_t)(end - start));
        } else {
            push_capture(m, text[place] - '1', start, end);
            luaL_addvalue(buffer);
        }
    }
}

static void add_replacement(matcher *m, luaL_Buffer *buffer, const char *start, const char *end) {
    switch (lua_type(m->state, 3)) {
    case LUA_TNUMBER:
    case LUA_TSTRING: return add_text(m, buffer, start, end);
    case LUA_TFUNCTION:
        lua_pushvalue(m->state, 3);
        lua_call(m->state, push_captures(m, start, end), 1);
        break;
    default:
        push_capture(m, 0, start, end);
        lua_gettable(m->state, 3);
        break;
    }
    if (!lua_toboolean(m->state, -1)) {
        lua_pop(m->state, 1);
        lua_pushlstring(m->state, start, (size_t)(end - start));
    } else if (!lua_isstring(m->state, -1)) {
        luaL_error(m->state, "invalid replacement value (a %s)", luaL_typename(m->state, -1));
    }
    luaL_addvalue(buffer);
}

static int string_gsub(lua_State *state) {
    size_t subject_count, pattern_count;
    const char *text = luaL_checklstring(state, 1, &subject_count);
    const char *pattern = luaL_checklstring(state, 2, &pattern_count);
    int type = lua_type(state, 3);
    int most = luaL_optint(state, 4, subject_count < INT_MAX ? (int)subject_count + 1 : INT_MAX);
    luaL_argcheck(
        state,
        type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
        3, "string/function/table expected");
    matcher m;
    prepare(&m, state, text, subject_count, pattern, pattern_count);
    bool is_anchored = pattern_count > 0 && *pattern == '^';
    if (is_anchored) pattern++;
    luaL_Buffer buffer;
    luaL_buffinit(state, &buffer);
    int count = 0;
    while (count < most) {
        const char *end = begin_match(&m, text, pattern);
        if (end) {
            count++;
            add_replacement(&m, &buffer, text, end);
        }
        if (end && end > text) {
            text = end;
        } else if (text < m.subject_end) {
            luaL_addchar(&buffer, *text++);
        } else {
            break;
        }
        if (is_anchored) break;
    }
    luaL_addlstring(&buffer, text, (size_t)(m.subject_end - text));
    luaL_pushresult(&buffer);
    lua_pushinteger(state, count);
    return 2;
}

/// The library's appends nothing as often as it is told to: an empty text two thousand million times.
static int string_rep(lua_State *state) {
    size_t count;
    const char *text = luaL_checklstring(state, 1, &count);
    int times = luaL_checkint(state, 2);
    if (times <= 0 || count == 0) return lua_pushliteral(state, ""), 1;
    if (count > hw_owner(state)->options.bytes_max / (size_t)times)
        return luaL_error(state, "not enough memory");
    size_t total = count * (size_t)times;
    char small[LUAL_BUFFERSIZE];
    // A large text is made in memory that counts as the script's.
    char *bytes = total <= sizeof small ? small : lua_newuserdata(state, total);
    if (count == 1) {
        memset(bytes, *text, total);
    } else {
        for (size_t place = 0; place < total; place += count) memcpy(bytes + place, text, count);
    }
    lua_pushlstring(state, bytes, total);
    return 1;
}

void hw_replace_string_functions(lua_State *state) {
    static const luaL_Reg functions[] = {{"find", string_find},     {"match", string_match},
                                         {"gmatch", string_gmatch}, {"gfind", string_gmatch},
                                         {"gsub", string_gsub},     {"rep", string_rep},
                                         {NULL, NULL}};
    lua_getglobal(state, LUA_STRLIBNAME);
    for (const luaL_Reg *row = functions; row->name; row++) {
        lua_pushcfunction(state, row->func);
        lua_setfield(state, -2, row->name);
    }
    lua_pop(state, 1);
}
