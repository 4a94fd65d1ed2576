#include "include/CLinuxNumbers.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Copies into `room` with a terminator; false when the text cannot be a number.
static bool terminated(const uint8_t *text, size_t length, char *room) {
    if (length == 0 || length > HW_NUMBER_TEXT_MAX || isspace(text[0])) return false;
    memcpy(room, text, length);
    room[length] = 0;
    return strlen(room) == length;
}

bool hw_parse_double(const uint8_t *text, size_t length, double *value) {
    char room[HW_NUMBER_TEXT_MAX + 1];
    if (!terminated(text, length, room)) return false;
    char *end;
    errno = 0;
    double number = strtod(room, &end);
    if (*end != 0 || isnan(number)) return false;
    if (errno == ERANGE && (number == HUGE_VAL || number == -HUGE_VAL || number == 0)) return false;
    *value = number;
    return true;
}

bool hw_parse_extended(const uint8_t *text, size_t length, hw_extended *value) {
    char room[HW_NUMBER_TEXT_MAX + 1];
    if (!terminated(text, length, room)) return false;
    char *end;
    errno = 0;
    long double number = strtold(room, &end);
    if (*end != 0 || isnan(number)) return false;
    if (errno == ERANGE && (number == HUGE_VALL || number == -HUGE_VALL || number == 0)) return false;
    memset(value, 0, sizeof *value);
    memcpy(value->bytes, &number, sizeof number);
    return true;
}

bool hw_parse_bound(const uint8_t *text, size_t length, double *value) {
    char room[HW_NUMBER_TEXT_MAX + 1];
    if (length > HW_NUMBER_TEXT_MAX) return false;
    memcpy(room, text, length);
    room[length] = 0;
    char *end;
    double number = strtod(room, &end);
    if (*end != 0 || isnan(number)) return false;
    *value = number;
    return true;
}

hw_extended hw_extended_from(double value) {
    hw_extended result;
    long double number = value;
    memset(&result, 0, sizeof result);
    memcpy(result.bytes, &number, sizeof number);
    return result;
}

size_t hw_print_significant(double value, uint8_t *text) {
    int printed = snprintf((char *)text, HW_DOUBLE_TEXT_MAX, "%.17g", value);
    return printed > 0 ? (size_t)printed : 0;
}

size_t hw_print_fixed(double value, uint8_t *text) {
    int printed = snprintf((char *)text, HW_DOUBLE_TEXT_MAX, "%f", value);
    return printed > 0 ? (size_t)printed : 0;
}

double hw_sine(double angle) { return sin(angle); }
double hw_cosine(double angle) { return cos(angle); }
double hw_arc_sine(double value) { return asin(value); }

bool hw_add_extended(hw_extended left, hw_extended right, hw_extended *sum) {
    long double a, b;
    memcpy(&a, left.bytes, sizeof a);
    memcpy(&b, right.bytes, sizeof b);
    long double total = a + b;
    if (isnan(total) || isinf(total)) return false;
    memcpy(sum->bytes, &total, sizeof total);
    return true;
}

size_t hw_print_extended(hw_extended value, uint8_t *text) {
    long double number;
    memcpy(&number, value.bytes, sizeof number);
    int printed = snprintf((char *)text, HW_EXTENDED_TEXT_MAX, "%.17Lf", number);
    size_t length = printed > 0 ? (size_t)printed : 0;
    if (memchr(text, '.', length)) {
        while (text[length - 1] == '0') length--;
        if (text[length - 1] == '.') length--;
    }
    if (length == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        length = 1;
    }
    return length;
}
