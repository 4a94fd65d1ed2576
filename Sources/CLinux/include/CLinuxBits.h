// Counting bits with the processor's instruction where it has one.
#ifndef CLINUX_BITS_H
#define CLINUX_BITS_H

#include <stddef.h>
#include <stdint.h>

/// How many bits of the `length` bytes are set.
uint64_t hw_count_bits(const uint8_t *_Nullable bytes, size_t length);

#endif
