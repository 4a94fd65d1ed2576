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

/// `length` bytes of zeroed memory at a multiple of `length` (a power of two), in pages of the
/// smallest size whatever the system's default, or NULL. Untouched pages cost address space only.
void *_Nullable hw_reserve(size_t length);
/// Asks for huge pages for a whole reservation that is not in use, and lets the kernel back all of
/// it now. Zero when it is backed (with small pages where there are no huge ones).
int hw_populate_huge(void *_Nonnull start, size_t length);
/// Ends the use of huge pages for a reservation: what is given back comes again in small pages.
void hw_forbid_huge(void *_Nonnull start, size_t length);
/// Gives a reservation back with its addresses.
void hw_release(void *_Nonnull start, size_t length);

#include "CLinuxSystem.h"

#endif
