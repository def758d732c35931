/* A JPEG file's segments: the decoder does not ask for the end, nor whether another image follows, nor for the
   orientation. */
#include "image.h"

#include <string.h>

enum { RESTART = 0xd0, END = 0xd9, SCAN = 0xda, APP1 = 0xe1, APP2 = 0xe2, ALONE = 0x01 };

/* Where the next marker's 0xff is, after a scan's data; the file's length if there is none. */
static size_t after_scan(struct bytes file, size_t at) {
    for (; at + 1 < file.length; at++) {
        int next = file.data[at + 1];
        if (file.data[at] == 0xff && next != 0 && next != 0xff && !(next >= RESTART && next < RESTART + 8))
            return at;
    }
    return file.length;
}

/* Pictures that follow belong to the file if it has an index of them (CIPA DC-007). */
static const char *check_rest(struct bytes file, size_t at, int indexed) {
    return !indexed && starts_image(file.data + at, file.length - at) ? ANOTHER : NULL;
}

const char *check_jpeg(struct bytes file, unsigned *orientation) {
    int indexed = 0, oriented = 0;
    for (size_t at = 2;;) {
        while (at + 1 < file.length && file.data[at] == 0xff && file.data[at + 1] == 0xff)
            at++;
        if (file.length < at + 2)
            return ENDS_EARLY;
        if (file.data[at] != 0xff)
            return "the image is damaged: a part of it has a wrong length";
        int marker = file.data[at + 1];
        at += 2;
        if (marker == END)
            return check_rest(file, at, indexed);
        if (marker == ALONE || (marker >= RESTART && marker < RESTART + 8))
            continue;
        size_t size = file.length < at + 2 ? 0 : (size_t)file.data[at] << 8 | file.data[at + 1];
        if (size < 2 || size > file.length - at)
            return ENDS_EARLY;
        const unsigned char *part = file.data + at + 2;
        if (marker == APP1 && !oriented && size >= 8 && !memcmp(part, "Exif\0", 6)) {
            read_orientation((struct bytes){ part + 6, size - 8 }, orientation);
            oriented = 1;
        }
        indexed |= marker == APP2 && size >= 6 && !memcmp(part, "MPF", 4);
        at += size;
        if (marker == SCAN)
            at = after_scan(file, at);
    }
}
