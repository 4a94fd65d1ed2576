// Number text of the C library: Redis' replies are compared byte by byte with what these print.
#ifndef HEADWATER_CLINUX_NUMBERS_H
#define HEADWATER_CLINUX_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A `long double` that Swift can carry on every architecture.
typedef struct {
    uint8_t bytes[sizeof(long double)];
} hw_extended;

/// Reads a whole text of `length` bytes (at most 255) as double; false when it is no number.
bool hw_parse_double(const uint8_t *_Nonnull text, size_t length, double *_Nonnull value);
/// Reads a whole text of `length` bytes (at most 255); false when it is no number.
bool hw_parse_extended(const uint8_t *_Nonnull text, size_t length, hw_extended *_Nonnull value);
/// Adds; false when the sum is infinite or not a number.
bool hw_add_extended(hw_extended left, hw_extended right, hw_extended *_Nonnull sum);
/// Prints with at most 17 decimals and without trailing zeros; returns the length, at most
/// `HW_EXTENDED_TEXT_MAX`.
size_t hw_print_extended(hw_extended value, uint8_t *_Nonnull text);

/// Room for the longest plain notation: 4933 digits, a sign, a point and 17 decimals.
#define HW_EXTENDED_TEXT_MAX 5120

#endif
