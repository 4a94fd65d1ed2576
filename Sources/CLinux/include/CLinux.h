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

#include "CLinuxNumbers.h"
#include "CLinuxSystem.h"

#endif
