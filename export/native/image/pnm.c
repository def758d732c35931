/* Netpbm's binary formats: P5 (PGM, grey) and P6 (PPM, RGB), of up to 16 bits. */
#include "image.h"

#include <math.h>
#include <stdlib.h>

struct reader {
    const unsigned char *next, *end;
};

static int is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next number of the header, after white space and comments; -1 if there is none below a million. */
static long number(struct reader *from) {
    long value = -1;
    int comment = 0;
    for (; from->next < from->end && (comment || is_space(*from->next) || *from->next == '#'); from->next++)
        comment = *from->next == '#' || (comment && *from->next != '\n' && *from->next != '\r');
    for (; from->next < from->end && *from->next >= '0' && *from->next <= '9' && value < 100000; from->next++)
        value = (value < 0 ? 0 : value * 10) + (*from->next - '0');
    return value;
}

/* Without more than white space after the pixels. */
static const char *check_end(struct reader rest) {
    while (rest.next < rest.end && is_space(*rest.next))
        rest.next++;
    if (rest.next == rest.end)
        return NULL;
    return starts_image(rest.next, (size_t)(rest.end - rest.next)) ? ANOTHER
                                                                   : "bytes follow the image's pixels that are not its own";
}

static void copy(const unsigned char *from, size_t count, unsigned long most, unsigned char *to) {
    unsigned char scaled[256];
    for (unsigned long value = 0; value < 256; value++)
        scaled[value] = (unsigned char)nearbyint((double)(value < most ? value : most) / (double)most * 255);
    for (size_t i = 0; i < count; i++) {
        unsigned long deep = most < 256 ? 0 : (unsigned long)from[2 * i] << 8 | from[2 * i + 1];
        to[i] = most < 256 ? scaled[from[i]]
                           : (unsigned char)nearbyint((double)(deep < most ? deep : most) / (double)most * 255);
    }
}

const char *read_pnm(struct bytes file, struct image *found) {
    struct reader from = { file.data + 2, file.data + file.length };
    long width = number(&from), height = number(&from), most = number(&from);
    if (width < 1 || height < 1 || most < 1 || most > 65535 || from.next == from.end || !is_space(*from.next))
        return "the header must have a width, a height and a largest value from 1 to 65535";
    from.next++;
    found->channels = file.data[1] == '6' ? 3 : 1;
    found->width = (uint32_t)width, found->height = (uint32_t)height;
    if ((uint64_t)width * (uint64_t)height > MOST_PIXELS)
        return TOO_LARGE;
    size_t count = (size_t)width * (size_t)height * found->channels, bytes = most < 256 ? count : 2 * count;
    if ((size_t)(from.end - from.next) < bytes)
        return ENDS_EARLY;
    const char *error = check_end((struct reader){ from.next + bytes, from.end });
    if (!error && !(found->pixels = malloc(count)))
        error = NO_MEMORY;
    if (!error)
        copy(from.next, count, (unsigned long)most, found->pixels);
    return error;
}
