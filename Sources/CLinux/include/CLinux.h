// GNU headers and inline shims that Swift cannot import on its own.
#ifndef HEADWATER_CLINUX_H
#define HEADWATER_CLINUX_H

#include <stddef.h>
#include <stdint.h>

/// Asks the processor to bring the cache line at `address` in for reading.
/// Swift has no prefetch intrinsic.
static inline void hw_prefetch(const void *_Nullable address) {
    __builtin_prefetch(address, 0, 3);
}

#include "CLinuxBits.h"
#include "CLinuxChecksum.h"
#include "CLinuxNumbers.h"
/// Gives the memory of the pages that lie fully inside `[start, start + length)` back to the
/// kernel; the address range stays usable and reads as zero.
void hw_discard(void *_Nonnull start, size_t length);

#include "CLinuxSystem.h"

#endif
