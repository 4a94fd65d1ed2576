// Bodies of the shims declared in CLinuxSystem.h.
#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Since Linux 5.14; older kernels refuse it.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int hw_accept(int descriptor, void *address, unsigned int *length) {
    return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t hw_receive(int descriptor, void *room, size_t length) {
    return syscall(SYS_recvfrom, descriptor, room, length, 0, NULL, NULL);
}

ssize_t hw_send(int descriptor, const void *bytes, size_t length) {
    return syscall(SYS_sendto, descriptor, bytes, length, MSG_NOSIGNAL, NULL, 0);
}

int hw_wait(int epoll, struct epoll_event *events, int events_max, int timeout_ms) {
    // Not every architecture has epoll_wait itself.
    return (int)syscall(SYS_epoll_pwait, epoll, events, events_max, timeout_ms, NULL, 8);
}

int hw_open(const char *path, int flags, unsigned int mode) {
    return open(path, flags | O_CLOEXEC, (mode_t)mode);
}

int hw_fallocate(int descriptor, int keep_size, int64_t offset, int64_t length) {
    return fallocate(descriptor, keep_size ? FALLOC_FL_KEEP_SIZE : 0, offset, length);
}

int hw_start_writeback(int descriptor, int64_t offset, int64_t length) {
    return sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WRITE);
}

int hw_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 ? flags : fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

int hw_spawn(
    const char *path, char *const *arguments, int standard_input, const int *kept,
    size_t kept_count, int *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawn_file_actions_adddup2(&actions, standard_input, 0);
    // A descriptor that is duplicated onto itself loses its close-on-exec flag.
    for (size_t index = 0; index < kept_count && error == 0; index++) {
        error = posix_spawn_file_actions_adddup2(&actions, kept[index], kept[index]);
    }
    if (error == 0) {
        error = posix_spawn(process, path, &actions, &attributes, arguments, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int hw_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int hw_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int hw_thread_id(void) { return (int)syscall(SYS_gettid); }

void hw_set_thread_name(const char *name) {
    char short_name[16];
    strncpy(short_name, name, sizeof short_name - 1);
    short_name[sizeof short_name - 1] = 0;
    pthread_setname_np(pthread_self(), short_name);
}

int hw_lower_priority(int nice_value, uint64_t slice_nanoseconds) {
    // The first version of the kernel's structure; glibc 2.36 does not declare it.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice_value;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48, .nice_value = nice_value, .runtime = slice_nanoseconds};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void hw_trim_heap(void) { malloc_trim(0); }

const char *hw_error_text(int code, char *buffer, size_t size) {
    return strerror_r(code, buffer, size);
}

void hw_discard(void *start, size_t length) {
    const uintptr_t page = 4096;
    uintptr_t first = ((uintptr_t)start + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)start + length) & ~(page - 1);
    if (end > first) {
        // Advice: when it fails the memory merely stays resident.
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
    }
}

void *hw_reserve(size_t length) {
    // Twice the room, for a multiple of `length` lies in it; the ends go back.
    char *whole = mmap(NULL, 2 * length, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (whole == MAP_FAILED) return NULL;
    size_t before = (length - (uintptr_t)whole % length) % length;
    if (before > 0) (void)munmap(whole, before);
    (void)munmap(whole + before + length, length - before);
    hw_forbid_huge(whole + before, length);
    return whole + before;
}

int hw_populate_huge(void *start, size_t length) {
    // Advice: a kernel without huge pages gives small ones.
    (void)madvise(start, length, MADV_HUGEPAGE);
    return madvise(start, length, MADV_POPULATE_WRITE);
}

void hw_forbid_huge(void *start, size_t length) { (void)madvise(start, length, MADV_NOHUGEPAGE); }

void hw_release(void *start, size_t length) { (void)munmap(start, length); }
