// CRC-32C by the instruction of the processor, which Swift has no intrinsic for.
#ifndef HEADWATER_CLINUX_CHECKSUM_H
#define HEADWATER_CLINUX_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the instruction; to be asked once.
bool hw_crc32c_is_supported(void);
/// The (inverted) register after `length` more bytes; only where the instruction is supported.
uint32_t hw_crc32c(uint32_t crc, const uint8_t *_Nullable bytes, size_t length);

#endif
