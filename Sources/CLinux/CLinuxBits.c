#include "include/CLinuxBits.h"

#include <string.h>

/// Four sums, so that the instructions need not wait for each other.
#define COUNT_BODY                                                         \
    uint64_t sums[4] = {0, 0, 0, 0};                                       \
    for (; length >= 32; length -= 32, bytes += 32) {                      \
        uint64_t words[4];                                                 \
        memcpy(words, bytes, sizeof words);                                \
        for (int i = 0; i < 4; i++) sums[i] += (uint64_t)__builtin_popcountll(words[i]); \
    }                                                                      \
    uint64_t sum = sums[0] + sums[1] + sums[2] + sums[3];                  \
    for (; length >= 8; length -= 8, bytes += 8) {                         \
        uint64_t word;                                                     \
        memcpy(&word, bytes, sizeof word);                                 \
        sum += (uint64_t)__builtin_popcountll(word);                       \
    }                                                                      \
    for (; length > 0; length--, bytes++) sum += (uint64_t)__builtin_popcount(*bytes); \
    return sum;

static uint64_t count_plainly(const uint8_t *bytes, size_t length) { COUNT_BODY }

#if defined(__x86_64__)
__attribute__((target("popcnt")))
static uint64_t count_with_instruction(const uint8_t *bytes, size_t length) { COUNT_BODY }

uint64_t hw_count_bits(const uint8_t *bytes, size_t length) {
    // The library's constructor has filled in what `__builtin_cpu_supports` reads.
    if (__builtin_cpu_supports("popcnt")) return count_with_instruction(bytes, length);
    return count_plainly(bytes, length);
}
#else
uint64_t hw_count_bits(const uint8_t *bytes, size_t length) { return count_plainly(bytes, length); }
#endif
