// Lua 5.1 behind functions that never let an error of Lua jump over a Swift frame.
//
//   Swift ──► hw_lua_run / hw_lua_compile / …     each is one lua_pcall in C: errors come back as a
//                      │                          status and a text
//                      ▼
//                 Lua script ──► redis.call ──► C function ──► host.call (Swift, returns) ──► C
//                                                              pushes the reply or raises the
//                                                              error itself
//
// One `hw_lua` is one Lua state with its sandbox. It belongs to one thread.
#ifndef HEADWATER_CLUA_H
#define HEADWATER_CLUA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Borrowed bytes.
typedef struct {
    const uint8_t *_Nullable base;
    size_t count;
} hw_bytes;

typedef struct hw_lua hw_lua;

/// What a state calls outside of Lua. None of these may raise an error of Lua or call back into
/// the same state; each returns before C goes on.
typedef struct {
    /// Handed to every function.
    void *_Nullable context;
    /// Runs a command; its reply in RESP stays valid until the next call.
    hw_bytes (*_Nonnull call)(void *_Nullable context, const hw_bytes *_Nonnull arguments,
                              size_t count);
    /// Runs each `HW_LUA_HOOK_INSTRUCTIONS`: true ends the script.
    bool (*_Nonnull interrupt)(void *_Nullable context);
    /// Why `interrupt` ended the script.
    hw_bytes (*_Nonnull interruption)(void *_Nullable context);
    /// redis.log; level 0 (debug) to 3 (warning).
    void (*_Nonnull log)(void *_Nullable context, int level, hw_bytes text);
    /// redis.setresp: 2 or 3.
    void (*_Nonnull set_protocol)(void *_Nullable context, int version);
    /// redis.set_repl: bit 0 the log, bit 1 replicas.
    void (*_Nonnull set_propagation)(void *_Nullable context, int flags);
    /// redis.acl_check_cmd: 1 allowed, 0 not allowed, -1 no such command or wrong arguments.
    int (*_Nonnull check)(void *_Nullable context, const hw_bytes *_Nonnull arguments,
                          size_t count);
    /// redis.sha1hex: writes 40 digits.
    void (*_Nonnull digest)(void *_Nullable context, hw_bytes text, uint8_t *_Nonnull digits);
    /// Lines of the debugger for the client; they leave at once.
    void (*_Nonnull debug_send)(void *_Nullable context, hw_bytes text);
    /// Waits for the next command of the debugger's client and returns the number of its words,
    /// which stay valid until the next call; 0: the client is gone, or the script is to end.
    size_t (*_Nonnull debug_next)(void *_Nullable context,
                                  const hw_bytes *_Nullable *_Nonnull words);
    /// redis.register_function while a library is loaded; `reference` becomes the host's. Returns
    /// an empty text, or why the function is refused.
    hw_bytes (*_Nonnull register_function)(void *_Nullable context, hw_bytes name,
                                           hw_bytes description, uint32_t flags, int reference);
} hw_lua_host;

/// Facts that scripts can see.
typedef struct {
    /// `redis.REDIS_VERSION`.
    const char *_Nonnull version;
    /// `redis.REDIS_VERSION_NUM`: 0x00MMmmpp.
    uint32_t version_number;
    /// Most bytes that the state may use: more is an error of the script ("not enough memory").
    size_t bytes_max;
    /// The state runs functions of libraries instead of EVAL scripts.
    bool holds_libraries;
} hw_lua_options;

/// The hook runs after so many instructions of the virtual machine.
#define HW_LUA_HOOK_INSTRUCTIONS 100000

/// Most bytes of one source text, of EVAL as of load() in a script: nobody writes such a script, and
/// the parser counts in `int`.
#define HW_LUA_SOURCE_MAX (16 << 20)

/// Flags of a function or script, as `flags=` names them.
enum {
    HW_SCRIPT_NO_WRITES = 1 << 0,
    HW_SCRIPT_ALLOW_OOM = 1 << 1,
    HW_SCRIPT_ALLOW_STALE = 1 << 2,
    HW_SCRIPT_NO_CLUSTER = 1 << 3,
    HW_SCRIPT_CROSS_SLOT = 1 << 4,
};

/// A new state; nil when there is no memory for it.
hw_lua *_Nullable hw_lua_create(hw_lua_host host, hw_lua_options options);
/// Frees the state and everything in it.
void hw_lua_destroy(hw_lua *_Nonnull lua);

/// Compiles a script; 0 or more is a reference for `hw_lua_run`. -1: see `hw_lua_output`.
int hw_lua_compile(hw_lua *_Nonnull lua, hw_bytes source);
/// Compiles a library and runs it so that it registers its functions; false: see `hw_lua_output`.
bool hw_lua_load_library(hw_lua *_Nonnull lua, hw_bytes source);
/// Forgets a compiled script or function.
void hw_lua_release(hw_lua *_Nonnull lua, int reference);

/// How a run ended.
typedef enum {
    /// The output is the reply.
    HW_LUA_REPLIED,
    /// The output is an error reply that was not counted yet.
    HW_LUA_FAILED,
    /// The output is the error reply of a command, which was counted when it ran.
    HW_LUA_FAILED_COUNTED,
} hw_lua_outcome;

/// What a script gets and how its reply is written.
typedef struct {
    const hw_bytes *_Nullable keys;
    size_t key_count;
    const hw_bytes *_Nullable arguments;
    size_t argument_count;
    /// Named in error texts.
    hw_bytes name;
    /// 2 or 3: the protocol of the client that gets the reply.
    int reply_protocol;
} hw_lua_call;

/// Runs a compiled script or function.
hw_lua_outcome hw_lua_run(hw_lua *_Nonnull lua, int reference, hw_lua_call call);

/// Begins a session of the debugger for the next run of a script, whose text stays where it is
/// until `hw_lua_debug_end`; false when there is no memory for it.
bool hw_lua_debug_begin(hw_lua *_Nonnull lua, hw_bytes source);
/// Ends the session, if there is one.
void hw_lua_debug_end(hw_lua *_Nonnull lua);

/// The reply or error text that the last function has left; valid until the next one.
hw_bytes hw_lua_output(const hw_lua *_Nonnull lua);
/// Gives back the memory of a large output.
void hw_lua_trim_output(hw_lua *_Nonnull lua);
/// Changes `bytes_max`; a state that uses more gets no more.
void hw_lua_limit(hw_lua *_Nonnull lua, size_t bytes_max);
/// Bytes that the state uses.
size_t hw_lua_bytes(const hw_lua *_Nonnull lua);
/// Runs a full garbage collection.
void hw_lua_collect(hw_lua *_Nonnull lua);

#endif
