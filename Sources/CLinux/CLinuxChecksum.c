// CRC-32C with SSE4.2 on x86-64, chosen at run time, and with the CRC extension on 64-bit Arm where
// the compiler may use it. Elsewhere the caller's tables do the work.
#include "CLinuxChecksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

#define CRC32C_TARGET __attribute__((target("sse4.2")))
#define CRC32C_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))
#define CRC32C_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))

bool hw_crc32c_is_supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

#define CRC32C_TARGET
#define CRC32C_BYTE(crc, byte) __crc32cb((crc), (byte))
#define CRC32C_WORD(crc, word) __crc32cd((crc), (word))

bool hw_crc32c_is_supported(void) { return true; }

#else

bool hw_crc32c_is_supported(void) { return false; }

#endif

#ifdef CRC32C_TARGET
CRC32C_TARGET
uint32_t hw_crc32c(uint32_t crc, const uint8_t *bytes, size_t length) {
    for (; length >= 8; length -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        crc = CRC32C_WORD(crc, word);
    }
    for (; length > 0; length--, bytes++) crc = CRC32C_BYTE(crc, *bytes);
    return crc;
}
#else
uint32_t hw_crc32c(uint32_t crc, const uint8_t *bytes, size_t length) {
    (void)bytes;
    (void)length;
    __builtin_trap();
    return crc;
}
#endif
