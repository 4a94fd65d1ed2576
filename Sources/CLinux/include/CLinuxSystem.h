// System calls and constants that the Glibc overlay lacks (epoll, eventfd, accept4, …).
//
// epoll, eventfd and signalfd live in headers of their own, which Swift imports from here. The
// rest is declared in headers that belong to the Glibc module but only under _GNU_SOURCE, so each
// gets a thin function with the prefix hw_. All return what the call returns and leave errno as it
// was set.
#ifndef HEADWATER_CLINUX_SYSTEM_H
#define HEADWATER_CLINUX_SYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC; the peer's address goes to `address`, whose room is
/// `*length` bytes.
int hw_accept(int descriptor, void *_Nullable address, unsigned int *_Nullable length);

// The three calls of each request, made directly: in a process with threads the C library's own
// are points of cancellation, which costs two locked instructions a call.

/// recv without flags.
ssize_t hw_receive(int descriptor, void *_Nullable room, size_t length);
/// send with MSG_NOSIGNAL.
ssize_t hw_send(int descriptor, const void *_Nullable bytes, size_t length);
/// epoll_wait.
int hw_wait(int epoll, struct epoll_event *_Nonnull events, int events_max, int timeout_ms);

/// open with O_CLOEXEC added.
int hw_open(const char *_Nonnull path, int flags, unsigned int mode);

/// fallocate; `keep_size` reserves blocks beyond the end without moving it.
int hw_fallocate(int descriptor, int keep_size, int64_t offset, int64_t length);

/// sync_file_range with SYNC_FILE_RANGE_WRITE: starts writing back and does not wait.
int hw_start_writeback(int descriptor, int64_t offset, int64_t length);

/// fcntl(F_SETFL) that adds O_NONBLOCK.
int hw_set_nonblocking(int descriptor);

/// posix_spawn of `path`: the child has `standard_input` as descriptor 0, standard output and error,
/// and the `kept_count` descriptors of `kept` under their numbers; all others are closed. No signal
/// is blocked or ignored there. Returns an error number, or 0 and the child's id in `*process`.
int hw_spawn(
    const char *_Nonnull path, char *_Nullable const *_Nonnull arguments, int standard_input,
    const int *_Nullable kept, size_t kept_count, int *_Nonnull process);

/// A file in memory, closed on exec.
int hw_memory_file(const char *_Nonnull name);

/// Lets the kernel kill this process when its parent ends.
int hw_end_with_parent(void);

/// Thread id as the kernel counts it.
int hw_thread_id(void);

/// sched_setattr for the calling thread: its nice value, and how long it may run at a stretch while
/// others wait (kernels before 6.12 ignore that).
int hw_lower_priority(int nice_value, uint64_t slice_nanoseconds);

/// Names the calling thread; at most 15 bytes are kept.
void hw_set_thread_name(const char *_Nonnull name);

/// Gives free heap pages back to the kernel.
void hw_trim_heap(void);

/// The message of an error number; never NULL; thread-safe.
const char *_Nonnull hw_error_text(int code, char *_Nonnull buffer, size_t size);

#endif
