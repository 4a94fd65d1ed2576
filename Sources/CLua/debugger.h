// A session of the debugger, and the lines it writes. See debugger.c.
#ifndef HEADWATER_CLUA_DEBUGGER_H
#define HEADWATER_CLUA_DEBUGGER_H

#include "internal.h"

#define HW_BREAKPOINTS_MAX 64

struct hw_debugger {
    hw_bytes source;
    int line_count;
    int current;
    /// Stop at the next line; commands are shown.
    bool steps;
    /// `redis.breakpoint()` was called.
    bool breaks;
    int breakpoints[HW_BREAKPOINTS_MAX];
    int breakpoint_count;
    size_t length_max;
    bool has_hinted;
    /// Lines for the client, and the one being written.
    hw_output lines;
    int lines_count;
    hw_output text;
    double resumed_at;
};

static inline struct hw_debugger *hw_session(lua_State *state) {
    return hw_owner(state)->debugger;
}

/// Writes into the line that is being written.
void hw_line_put(lua_State *state, const char *text);
void hw_line_put_bytes(lua_State *state, const void *bytes, size_t count);
void hw_line_put_number(lua_State *state, const char *format, double value);
/// Ends the line that was written: it waits for `hw_lines_send`.
void hw_line_end(lua_State *state);
/// A whole line.
void hw_line(lua_State *state, const char *text);
/// A line of the value on top of the stack, cut to `maxlen`.
void hw_line_value(lua_State *state, const char *prefix);
/// Hands the lines to the client, as an array.
void hw_lines_send(lua_State *state);

#endif
