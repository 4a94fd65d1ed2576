// Bytes that leave the Lua state: replies and error texts.
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hw_output_reserve(hw_output *output, size_t count) {
    if (count <= output->capacity - output->count) return true;
    size_t wanted = output->capacity ? output->capacity * 2 : 256;
    if (count > SIZE_MAX / 2 - output->count) return false;
    if (wanted < output->count + count) wanted = output->count + count;
    uint8_t *larger = realloc(output->bytes, wanted);
    if (!larger) return false;
    output->bytes = larger;
    output->capacity = wanted;
    return true;
}

/// A larger buffer is given back after use.
#define KEPT_BYTES_MAX (64 * 1024)

void hw_trim(hw_output *output) {
    if (output->capacity <= KEPT_BYTES_MAX) return;
    free(output->bytes);
    *output = (hw_output){0};
}

void hw_make_room(lua_State *state, hw_output *output, size_t count) {
    // A table that holds another twice, which holds another twice, has a thousand million parts soon.
    size_t most = hw_owner(state)->options.bytes_max;
    if (output->count > most || count > most - output->count || !hw_output_reserve(output, count))
        luaL_error(state, "not enough memory");
}

void hw_put(lua_State *state, hw_output *output, const void *bytes, size_t count) {
    hw_make_room(state, output, count);
    if (count) memcpy(output->bytes + output->count, bytes, count);
    output->count += count;
}

void hw_put_text(lua_State *state, hw_output *output, const char *text) {
    hw_put(state, output, text, strlen(text));
}

/// Writes decimal digits; returns how many.
static size_t integer_text(long long value, char *text) {
    char digits[20];
    size_t count = 0, length = 0;
    unsigned long long rest = value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) text[length++] = '-';
    while (count) text[length++] = digits[--count];
    return length;
}

void hw_put_line(lua_State *state, hw_output *output, char marker, long long value) {
    char text[24];
    text[0] = marker;
    size_t count = 1 + integer_text(value, text + 1);
    text[count++] = '\r';
    text[count++] = '\n';
    hw_put(state, output, text, count);
}

void hw_put_one_line(lua_State *state, hw_output *output, const char *bytes, size_t count) {
    if (!hw_output_reserve(output, count)) luaL_error(state, "not enough memory");
    for (size_t index = 0; index < count; index++) {
        char byte = bytes[index];
        output->bytes[output->count++] = (uint8_t)(byte == '\r' || byte == '\n' ? ' ' : byte);
    }
}

/// The shortest digits that read back as `value` > 0; the number is 0.d1d2… × 10^exponent.
static int shortest_digits(double value, char *digits, int *exponent) {
    char text[40];
    for (int precision = 1; precision <= 17; precision++) {
        // Most numbers that scripts print have few digits or need 15 to 17 of them.
        if (precision == 7) precision = 15;
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value) break;
    }
    int count = 0;
    const char *place = text;
    for (; *place && *place != 'e'; place++)
        if (*place != '.') digits[count++] = *place;
    *exponent = atoi(place + 1) + 1;
    while (count > 1 && digits[count - 1] == '0') count--;
    return count;
}

size_t hw_number_text(double value, char *text) {
    if (value >= -1e15 && value <= 1e15 && value == (double)(long long)value
        && !(value == 0 && signbit(value)))
        return integer_text((long long)value, text);
    if (isnan(value)) return (size_t)sprintf(text, "nan");
    if (isinf(value)) return (size_t)sprintf(text, value < 0 ? "-inf" : "inf");
    size_t length = 0;
    if (signbit(value)) text[length++] = '-';
    if (value == 0) {
        text[length++] = '0';
        return length;
    }
    char digits[20];
    int point;
    int count = shortest_digits(fabs(value), digits, &point);
    // `power` belongs to the last digit, `leading` to the first.
    int power = point - count, leading = point - 1;
    if (power >= 0 && leading < count + 7) {
        memcpy(text + length, digits, (size_t)count);
        memset(text + length + count, '0', (size_t)power);
        return length + (size_t)(count + power);
    }
    if (power < 0 && (power > -7 || abs(leading) < 4)) {
        if (point <= 0) {
            text[length++] = '0';
            text[length++] = '.';
            memset(text + length, '0', (size_t)-point);
            length += (size_t)-point;
            memcpy(text + length, digits, (size_t)count);
            return length + (size_t)count;
        }
        memcpy(text + length, digits, (size_t)point);
        text[length + (size_t)point] = '.';
        memcpy(text + length + point + 1, digits + point, (size_t)(count - point));
        return length + (size_t)count + 1;
    }
    text[length++] = digits[0];
    if (count > 1) {
        text[length++] = '.';
        memcpy(text + length, digits + 1, (size_t)(count - 1));
        length += (size_t)(count - 1);
    }
    return length + (size_t)sprintf(text + length, "e%c%d", leading < 0 ? '-' : '+', abs(leading));
}
