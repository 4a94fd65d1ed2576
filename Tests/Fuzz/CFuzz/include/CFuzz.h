// The entry of libFuzzer's driver, which no system header declares.
#ifndef HEADWATER_CFUZZ_H
#define HEADWATER_CFUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *_Nonnull count, char *_Nullable *_Nonnull *_Nonnull arguments,
                        int (*_Nonnull callback)(const uint8_t *_Nullable data, size_t size));

#endif
