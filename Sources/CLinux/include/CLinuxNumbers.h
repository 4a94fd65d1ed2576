// Number text of the C library: Redis' replies are compared byte by byte with what these print.
#ifndef HEADWATER_CLINUX_NUMBERS_H
#define HEADWATER_CLINUX_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Longest text that is read: Redis has a room of 5 KB for one in extended precision, with its end.
#define HW_NUMBER_TEXT_MAX 5119

/// A `long double` that Swift can carry on every architecture.
typedef struct {
    uint8_t bytes[sizeof(long double)];
} hw_extended;

/// Reads a whole text of `length` bytes (at most `HW_NUMBER_TEXT_MAX`) as double; false when it is no number.
bool hw_parse_double(const uint8_t *_Nonnull text, size_t length, double *_Nonnull value);
/// Reads a whole text of `length` bytes (at most `HW_NUMBER_TEXT_MAX`); false when it is no number.
bool hw_parse_extended(const uint8_t *_Nonnull text, size_t length, hw_extended *_Nonnull value);
/// Reads the bound of a range as strtod does: leading space, the empty text and whatever follows a
/// zero byte are allowed (at most `HW_NUMBER_TEXT_MAX` bytes); false when it is no number.
bool hw_parse_bound(const uint8_t *_Nonnull text, size_t length, double *_Nonnull value);
/// A double in extended precision.
hw_extended hw_extended_from(double value);
/// Prints with 17 significant digits (`%.17g`); returns the length, at most `HW_DOUBLE_TEXT_MAX`.
size_t hw_print_significant(double value, uint8_t *_Nonnull text);
/// Prints with six decimals (`%f`); returns the length, at most `HW_DOUBLE_TEXT_MAX`.
size_t hw_print_fixed(double value, uint8_t *_Nonnull text);
/// The sine of an angle in radians.
double hw_sine(double angle);
/// The cosine of an angle in radians.
double hw_cosine(double angle);
/// The angle in radians whose sine is `value`.
double hw_arc_sine(double value);

/// Adds; false when the sum is infinite or not a number.
bool hw_add_extended(hw_extended left, hw_extended right, hw_extended *_Nonnull sum);
/// Prints with at most 17 decimals and without trailing zeros; returns the length, at most
/// `HW_EXTENDED_TEXT_MAX`.
size_t hw_print_extended(hw_extended value, uint8_t *_Nonnull text);

/// Room for the longest plain notation: 4933 digits, a sign, a point and 17 decimals.
#define HW_EXTENDED_TEXT_MAX 5120

/// Room for the longest plain notation of a double: 309 digits, a sign, a point and six decimals.
#define HW_DOUBLE_TEXT_MAX 320

#endif
