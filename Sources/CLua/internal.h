// What the parts of the Lua binding share. See include/CLua.h.
#ifndef HEADWATER_CLUA_INTERNAL_H
#define HEADWATER_CLUA_INTERNAL_H

#include "CLua.h"

#include <lua5.1/lauxlib.h>
#include <lua5.1/lua.h>
#include <lua5.1/lualib.h>

/// Growable bytes outside of Lua's memory.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
} hw_output;

/// Protected tables of one state: globals, libraries, metatables that scripts can reach.
#define HW_PROTECTED_MAX 32

struct hw_debugger;

struct hw_lua {
    lua_State *state;
    hw_lua_host host;
    hw_lua_options options;
    size_t bytes;
    hw_output output;
    /// Text that a library builds.
    hw_output scratch;
    /// Arguments of the command that `redis.call` runs.
    hw_bytes *arguments;
    size_t argument_capacity;
    /// The call that `hw_lua_run` has begun; null outside.
    const hw_lua_call *call;
    int reference;
    /// Registry place where an error waits for being written.
    int error_reference;
    /// Registry place of the list behind the slots at the bottom of the stack.
    int anchors;
    /// `redis.call` is running: it must not be entered again.
    bool is_calling;
    bool is_loading;
    /// How many texts are being compiled, one inside the other's reader. Meanwhile nothing is
    /// collected: the parser does not anchor everything that it uses (CVE-2025-49844).
    int parsing_depth;
    /// Version that `redis.setresp` chose: replies of scripts are written accordingly.
    int script_protocol;
    /// The debugger's session; null outside of one.
    struct hw_debugger *debugger;
    /// 48 bits of the generator behind math.random.
    uint64_t random;
    /// Tables that scripts see in place of the real ones; see sandbox.c.
    const void *protected_tables[HW_PROTECTED_MAX];
    int protected_count;
};

/// Registry fields: the globals behind the face, and those that a loading library sees.
#define HW_FIELD_GLOBALS "headwater.globals"
#define HW_FIELD_LOADING_GLOBALS "headwater.loading-globals"

/// Slots at the bottom of the stack of a state's main thread: what must be at hand without any
/// allocation. The face of the globals shows the table that its metatable (slot 3) has under the
/// key of slot 4: that of slot 5, or that of slot 6 while a library loads.
enum {
    HW_SLOT_RUN = 1,
    HW_SLOT_HANDLER,
    HW_SLOT_FACE,
    HW_SLOT_FACE_KEY,
    HW_SLOT_GLOBALS,
    HW_SLOT_LOADING_GLOBALS,
    HW_SLOT_COUNT = HW_SLOT_LOADING_GLOBALS,
};

/// The owner of a state, found without touching the stack.
static inline hw_lua *hw_owner(lua_State *state) {
    void *owner;
    (void)lua_getallocf(state, &owner);
    return owner;
}

// output.c
bool hw_output_reserve(hw_output *output, size_t count);
/// Makes room for `count` more bytes; raises "not enough memory" in `state`, also when they would be
/// more than the script may use.
void hw_make_room(lua_State *state, hw_output *output, size_t count);
/// Appends; raises "not enough memory" in `state`.
void hw_put(lua_State *state, hw_output *output, const void *bytes, size_t count);
void hw_put_text(lua_State *state, hw_output *output, const char *text);
void hw_put_line(lua_State *state, hw_output *output, char marker, long long value);
/// Writes `bytes` with blanks for line ends.
void hw_put_one_line(lua_State *state, hw_output *output, const char *bytes, size_t count);
/// The shortest text of a number as Redis prints it; returns its length, at most 40.
size_t hw_number_text(double value, char *text);

// sandbox.c
/// Pushes the protected face of the table on top in its place, and remembers it.
void hw_protect(lua_State *state);
/// Whether the value is a protected face; pushes the real table then.
bool hw_push_real(lua_State *state, int index);
/// The error of a write to a protected table, without position.
int hw_refuse_write(lua_State *state);
/// Compiles text and pushes the function; false pushes what is wrong with it. Precompiled code, which
/// could break the virtual machine, is wrong.
bool hw_load_text(lua_State *state, const char *text, size_t count, const char *name);
/// Compiles as `lua_load` does, without a collection meanwhile.
int hw_compile(lua_State *state, lua_Reader reader, void *context, const char *name);
/// Makes the globals that scripts see and protects everything reachable.
void hw_build_sandbox(lua_State *state);

// patterns.c
/// Puts our own matcher and what else a script could stop the node with in the place of functions of
/// the global `string`.
void hw_replace_string_functions(lua_State *state);
/// Counts a step of a loop in C; now and then the script is interrupted if it has to end.
void hw_count_step(lua_State *state, int *steps);

// state.c
/// Ends the script by an error if the host says so; serves others meanwhile.
void hw_interrupt_if_asked(lua_State *state);

// calls.c
/// Pushes the table `redis`.
void hw_push_api(lua_State *state, bool for_loading);
/// Pushes `{err = …}` from a text with or without `-CODE `.
void hw_push_error(lua_State *state, const char *text, size_t count);

/// redis.call.
int hw_api_call(lua_State *state);

// debugger.c: each does nothing outside of a session.
/// Shows a command and its reply while the script is stepped through.
void hw_debug_command(lua_State *state, const hw_bytes *arguments, size_t count);
void hw_debug_reply(lua_State *state, hw_bytes reply);
/// redis.breakpoint: false outside of a session.
bool hw_debug_breakpoint(lua_State *state);
/// redis.debug with the arguments on the stack.
void hw_debug_print(lua_State *state);
/// Line and count hooks of a session; says whether the script has stood still.
bool hw_debug_hook(lua_State *state, lua_Debug *debug);

// replies.c
/// Pushes the Lua value of one reply.
void hw_push_reply(lua_State *state, hw_bytes reply);
/// Writes the value on top of the stack as a reply and pops it.
void hw_write_value(lua_State *state, hw_lua *lua);

/// Gives the memory of a large buffer back.
void hw_trim(hw_output *output);

// Libraries: each pushes its table.
/// Pushes a new table of functions.
void hw_push_library(lua_State *state, const luaL_Reg *functions);
void hw_open_json(lua_State *state);
void hw_open_message_pack(lua_State *state);
void hw_open_struct(lua_State *state);
void hw_open_bit(lua_State *state);

#endif
