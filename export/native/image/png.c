/* A PNG file's chunks: the decoder does not ask for the last one, nor whether another image follows, nor for the
   orientation. */
#include "image.h"

#include <string.h>

static uint32_t big_endian(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t crc(const unsigned char *data, size_t length) {
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (int bit = 0; bit < 8; bit++)
                table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
        }
    uint32_t state = 0xffffffffu;
    for (size_t i = 0; i < length; i++)
        state = state >> 8 ^ table[(state ^ data[i]) & 255];
    return ~state;
}

const char *check_png(struct bytes file, unsigned *orientation) {
    if (file.length >= 24 && (uint64_t)big_endian(file.data + 16) * big_endian(file.data + 20) > MOST_PIXELS)
        return TOO_LARGE;
    for (size_t at = 8;;) {
        size_t rest = file.length - at;
        if (rest < 12 || big_endian(file.data + at) > rest - 12)
            return ENDS_EARLY;
        uint32_t size = big_endian(file.data + at);
        const unsigned char *kind = file.data + at + 4;
        if (crc(kind, (size_t)size + 4) != big_endian(kind + 4 + size))
            return "the image is damaged: a checksum in it is wrong";
        if (!memcmp(kind, "eXIf", 4))
            read_orientation((struct bytes){ kind + 4, size }, orientation);
        at += 12 + (size_t)size;
        if (!memcmp(kind, "IEND", 4))
            return starts_image(file.data + at, file.length - at) ? ANOTHER : NULL;
    }
}
