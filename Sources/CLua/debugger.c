// The debugger of EVAL: what `redis-cli --ldb-sync-mode` speaks. Its lines are compared with those of
// redis-server 7.0 by tests.
//
//   line hook ──► stops? ──► lines to the client ──► host.debug_next: a command ──► … ──► goes on
//
// Everything here runs in hooks and functions of Lua, inside the script's lua_pcall: "not enough
// memory" and the client's `abort` are errors of the script.
#include "debugger.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LENGTH_DEFAULT 256
#define LENGTH_MIN 60
#define CONTEXT_LINES 5

typedef struct hw_debugger debugger;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// MARK: Source

static bool is_breakpoint(const debugger *own, int number) {
    for (int index = 0; index < own->breakpoint_count; index++)
        if (own->breakpoints[index] == number) return true;
    return false;
}

static hw_bytes source_line(const debugger *own, int number) {
    const uint8_t *place = own->source.base, *end = place + own->source.count;
    for (int passed = 1; passed < number && place; passed++) {
        place = memchr(place, '\n', (size_t)(end - place));
        if (place) place++;
    }
    if (!place || number < 1 || number > own->line_count) {
        static const char text[] = "<out of range source code line>";
        return (hw_bytes){(const uint8_t *)text, sizeof text - 1};
    }
    const uint8_t *stop = memchr(place, '\n', (size_t)(end - place));
    return (hw_bytes){place, (size_t)((stop ? stop : end) - place)};
}

static void source_line_shown(lua_State *state, int number) {
    debugger *own = hw_session(state);
    char prefix[24];
    snprintf(prefix, sizeof prefix, "%s%c%-3d ", own->current == number ? "->" : "  ",
             is_breakpoint(own, number) ? '#' : ' ', number);
    hw_line_put(state, prefix);
    hw_bytes text = source_line(own, number);
    hw_line_put_bytes(state, text.base, text.count);
    hw_line_end(state);
}

static void list(lua_State *state, int around, int context) {
    int count = hw_session(state)->line_count;
    for (int number = 1; number <= count; number++)
        if (abs(around - number) <= context) source_line_shown(state, number);
}

// MARK: Commands

static const char *const help[] = {
    "Redis Lua debugger help:",
    "[h]elp               Show this help.",
    "[s]tep               Run current line and stop again.",
    "[n]ext               Alias for step.",
    "[c]ontinue           Run till next breakpoint.",
    "[l]ist               List source code around current line.",
    "[l]ist [line]        List source code around [line].",
    "                     line = 0 means: current position.",
    "[l]ist [line] [ctx]  In this form [ctx] specifies how many lines",
    "                     to show before/after [line].",
    "[w]hole              List all source code. Alias for 'list 1 1000000'.",
    "[p]rint              Show all the local variables.",
    "[p]rint <var>        Show the value of the specified variable.",
    "                     Can also show global vars KEYS and ARGV.",
    "[b]reak              Show all breakpoints.",
    "[b]reak <line>       Add a breakpoint to the specified line.",
    "[b]reak -<line>      Remove breakpoint from the specified line.",
    "[b]reak 0            Remove all breakpoints.",
    "[t]race              Show a backtrace.",
    "[e]val <code>        Execute some Lua code (in a different callframe).",
    "[r]edis <cmd>        Execute a Redis command.",
    "[m]axlen [len]       Trim logged Redis replies and Lua var dumps to len.",
    "                     Specifying zero as <len> means unlimited.",
    "[a]bort              Stop the execution of the script. In sync",
    "                     mode dataset changes will be retained.",
    "",
    "Debugger functions you can call from Lua scripts:",
    "redis.debug()        Produce logs in the debugger console.",
    "redis.breakpoint()   Stop execution like if there was a breakpoint in the",
    "                     next line of code.",
};

/// The words of a command, each ended by a zero: on Lua's stack, from `base` on.
typedef struct {
    lua_State *state;
    int base;
    int count;
} words;

static const char *word(words list, int index) {
    return lua_tostring(list.state, list.base + index);
}

static bool is(const char *name, const char *letter, const char *whole) {
    return strcasecmp(name, letter) == 0 || strcasecmp(name, whole) == 0;
}

static void set_breakpoint(lua_State *state, long number) {
    debugger *own = hw_session(state);
    if (number == 0) {
        own->breakpoint_count = 0;
        return hw_line(state, "All breakpoints removed.");
    }
    if (number > 0) {
        if (own->breakpoint_count == HW_BREAKPOINTS_MAX)
            return hw_line(state, "Too many breakpoints set.");
        if (number > own->line_count || is_breakpoint(own, (int)number))
            return hw_line(state, "Wrong line number.");
        own->breakpoints[own->breakpoint_count++] = (int)number;
        return list(state, (int)number, 1);
    }
    for (int index = 0; index < own->breakpoint_count; index++) {
        if (own->breakpoints[index] != -number) continue;
        own->breakpoint_count--;
        memmove(own->breakpoints + index, own->breakpoints + index + 1,
                (size_t)(own->breakpoint_count - index) * sizeof *own->breakpoints);
        return hw_line(state, "Breakpoint removed.");
    }
    hw_line(state, "No breakpoint in the specified line.");
}

static void command_break(lua_State *state, words command) {
    debugger *own = hw_session(state);
    for (int index = 1; index < command.count; index++) {
        const char *text = word(command, index);
        char *end;
        long number = strtol(text, &end, 10);
        bool is_number = *text && !*end && !isspace((unsigned char)*text) && *text != '+';
        if (is_number && labs(number) < 1000000000) {
            set_breakpoint(state, number);
        } else {
            hw_line_put(state, "Invalid argument:'");
            hw_line_put(state, text);
            hw_line(state, "'");
        }
    }
    if (command.count > 1) return;
    if (own->breakpoint_count == 0)
        return hw_line(state, "No breakpoints set. Use 'b <line>' to add one.");
    hw_line_put_number(state, "%.0f breakpoints set:", own->breakpoint_count);
    hw_line_end(state);
    for (int index = 0; index < own->breakpoint_count; index++)
        source_line_shown(state, own->breakpoints[index]);
}

static void command_length(lua_State *state, words command) {
    debugger *own = hw_session(state);
    if (command.count == 2) {
        int wanted = atoi(word(command, 1));
        own->has_hinted = true;
        own->length_max = wanted == 0 ? 0 : wanted <= LENGTH_MIN ? LENGTH_MIN : (size_t)wanted;
    }
    if (own->length_max == 0) return hw_line(state, "<value> replies are unlimited.");
    double length = (double)own->length_max;
    hw_line_put_number(state, "<value> replies are truncated at %.0f bytes.", length);
    hw_line_end(state);
}

static void command_trace(lua_State *state) {
    lua_Debug frame;
    int level = 0;
    for (; lua_getstack(state, level, &frame); level++) {
        lua_getinfo(state, "Snl", &frame);
        if (!strstr(frame.short_src, "user_script")) continue;
        hw_line_put(state, level == 0 ? "In " : "From ");
        hw_line_put(state, frame.name ? frame.name : "top level");
        hw_line(state, ":");
        source_line_shown(state, frame.currentline);
    }
    if (level == 0) hw_line(state, "<error> Can't retrieve Lua stack.");
}

static void command_print_all(lua_State *state) {
    lua_Debug frame;
    int shown = 0;
    const char *name;
    bool has_frame = lua_getstack(state, 0, &frame);
    for (int index = 1; has_frame && (name = lua_getlocal(state, &frame, index)); index++) {
        if (!strstr(name, "(*temporary)")) {
            hw_line_put(state, "<value> ");
            hw_line_put(state, name);
            hw_line_value(state, " = ");
            shown++;
        }
        lua_pop(state, 1);
    }
    if (shown == 0) hw_line(state, "No local variables in the current context.");
}

static void command_print(lua_State *state, const char *wanted) {
    lua_Debug frame;
    const char *name;
    for (int level = 0; lua_getstack(state, level, &frame); level++) {
        for (int index = 1; (name = lua_getlocal(state, &frame, index)); index++) {
            bool found = strcmp(wanted, name) == 0;
            if (found) hw_line_value(state, "<value> ");
            lua_pop(state, 1);
            if (found) return;
        }
    }
    if (strcmp(wanted, "KEYS") != 0 && strcmp(wanted, "ARGV") != 0)
        return hw_line(state, "No such variable.");
    lua_getglobal(state, wanted);
    hw_line_value(state, "<value> ");
    lua_pop(state, 1);
}

/// Shows the error on top of the stack.
static void error_line(lua_State *state) {
    if (lua_istable(state, -1)) {
        lua_pushliteral(state, "err");
        lua_rawget(state, -2);
    }
    const char *text = lua_tostring(state, -1);
    hw_line_put(state, "<error> ");
    hw_line(state, text ? text : "unknown error");
}

static void command_eval(lua_State *state, words command) {
    int top = lua_gettop(state);
    lua_pushliteral(state, "");
    for (int index = 1; index < command.count; index++) {
        if (index > 1) lua_pushliteral(state, " ");
        lua_pushvalue(state, command.base + index);
    }
    lua_concat(state, lua_gettop(state) - top);
    lua_pushliteral(state, "return ");
    lua_pushvalue(state, top + 1);
    lua_concat(state, 2);
    size_t count, whole_count;
    const char *text = lua_tolstring(state, top + 1, &count);
    const char *whole = lua_tolstring(state, top + 2, &whole_count);
    bool is_loaded = hw_load_text(state, whole, whole_count, "@ldb_eval")
                     || hw_load_text(state, text, count, "@ldb_eval");
    if (is_loaded && lua_pcall(state, 0, 1, 0) == 0) {
        hw_line_value(state, "<retval> ");
    } else {
        error_line(state);
    }
    lua_settop(state, top);
}

static void command_redis(lua_State *state, words command) {
    debugger *own = hw_session(state);
    int top = lua_gettop(state);
    lua_pushcfunction(state, hw_api_call);
    for (int index = 1; index < command.count; index++)
        lua_pushvalue(state, command.base + index);
    own->steps = true;
    // What fails was shown when it failed.
    (void)lua_pcall(state, command.count - 1, 1, 0);
    own->steps = false;
    lua_settop(state, top);
}

static void command_list(lua_State *state, words command) {
    int around = hw_session(state)->current, context = CONTEXT_LINES;
    if (command.count > 1 && atoi(word(command, 1)) > 0) around = atoi(word(command, 1));
    if (command.count > 2) context = atoi(word(command, 2));
    list(state, around, context);
}

/// Carries a command out; true: the script goes on.
static bool obey(lua_State *state, words command) {
    debugger *own = hw_session(state);
    const char *name = word(command, 0);
    if (is(name, "s", "step") || is(name, "n", "next")) return own->steps = true;
    if (is(name, "c", "continue")) return true;
    if (is(name, "a", "abort")) {
        static const char text[] = "script aborted for user request";
        hw_push_error(state, text, sizeof text - 1);
        lua_error(state);
    }
    if (is(name, "h", "help")) {
        for (size_t index = 0; index < sizeof help / sizeof *help; index++)
            hw_line(state, help[index]);
    } else if (is(name, "t", "trace")) {
        command_trace(state);
    } else if (is(name, "m", "maxlen")) {
        command_length(state, command);
    } else if (is(name, "b", "break")) {
        command_break(state, command);
    } else if (is(name, "e", "eval")) {
        command_eval(state, command);
    } else if (command.count > 1 && is(name, "r", "redis")) {
        command_redis(state, command);
    } else if (is(name, "p", "print")) {
        command.count == 2 ? command_print(state, word(command, 1)) : command_print_all(state);
    } else if (is(name, "l", "list")) {
        command_list(state, command);
    } else if (is(name, "w", "whole")) {
        list(state, 1, 1000000);
    } else {
        hw_line(state, "<error> Unknown Redis Lua debugger command or wrong number of arguments.");
    }
    hw_lines_send(state);
    return false;
}

/// Obeys the client until it lets the script go on; false when the client is gone.
static bool prompt(lua_State *state) {
    hw_lua *lua = hw_owner(state);
    int top = lua_gettop(state);
    for (;;) {
        const hw_bytes *items;
        size_t count = lua->host.debug_next(lua->host.context, &items);
        if (count == 0) break;
        // `redis` lays its words on the stack once more, as the arguments of a call.
        luaL_checkstack(state, 2 * (int)count + 20, "too many words");
        for (size_t index = 0; index < count; index++)
            lua_pushlstring(state, items[index].base ? (const char *)items[index].base : "",
                            items[index].count);
        bool goes_on = obey(state, (words){state, top + 1, (int)count});
        lua_settop(state, top);
        if (goes_on) return true;
    }
    lua->debugger->steps = false;
    lua->debugger->breakpoint_count = 0;
    return false;
}

// MARK: Stops

/// Seconds that a script may run before it is stopped in a loop without breakpoints.
#define LOOP_SECONDS 5

bool hw_debug_hook(lua_State *state, lua_Debug *debug) {
    debugger *own = hw_session(state);
    lua_getinfo(state, "Sl", debug);
    if (!strstr(debug->short_src, "user_script")) return false;
    own->current = debug->currentline;
    bool breaks = own->breaks || is_breakpoint(own, own->current), loops = false;
    if (debug->event == LUA_HOOKCOUNT && !own->steps && !breaks) {
        if (now() - own->resumed_at < LOOP_SECONDS) return false;
        loops = true;
    }
    if (!own->steps && !breaks && !loops) return false;
    hw_line_put_number(state, "* Stopped at %.0f, stop reason = ", own->current);
    hw_line(state, own->breaks ? "redis.breakpoint() called"
                : breaks    ? "break point"
                : loops     ? "timeout reached, infinite loop?"
                            : "step over");
    own->steps = own->breaks = false;
    source_line_shown(state, own->current);
    hw_lines_send(state);
    if (!prompt(state) && loops) {
        static const char text[] = "timeout during Lua debugging with client closing connection";
        hw_push_error(state, text, sizeof text - 1);
        lua_error(state);
    }
    own->resumed_at = now();
    return true;
}

bool hw_lua_debug_begin(hw_lua *lua, hw_bytes source) {
    debugger *own = calloc(1, sizeof *own);
    if (!own) return false;
    while (source.count > 0
           && (source.base[source.count - 1] == '\n' || source.base[source.count - 1] == '\r'))
        source.count--;
    own->source = source;
    own->line_count = 1;
    for (size_t index = 0; index < source.count; index++)
        if (source.base[index] == '\n') own->line_count++;
    own->steps = true;
    own->length_max = LENGTH_DEFAULT;
    own->resumed_at = now();
    lua->debugger = own;
    return true;
}

void hw_lua_debug_end(hw_lua *lua) {
    debugger *own = lua->debugger;
    if (!own) return;
    static const char text[] = "+<endsession>\r\n";
    char header[24];
    int count = snprintf(header, sizeof header, "*%d\r\n", own->lines_count + 1);
    hw_lua_host *host = &lua->host;
    host->debug_send(host->context, (hw_bytes){(const uint8_t *)header, (size_t)count});
    host->debug_send(host->context, (hw_bytes){own->lines.bytes, own->lines.count});
    host->debug_send(host->context, (hw_bytes){(const uint8_t *)text, sizeof text - 1});
    free(own->lines.bytes);
    free(own->text.bytes);
    free(own);
    lua->debugger = NULL;
}
