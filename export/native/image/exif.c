/* How a camera was held (EXIF 2.3, tag 0x0112), and the image as it was seen. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

enum { TAG = 0x0112, SHORT = 3, ENTRY = 12 };

static uint32_t value(const unsigned char *at, int bytes, int little) {
    uint32_t found = 0;
    for (int i = 0; i < bytes; i++)
        found = found << 8 | at[little ? bytes - 1 - i : i];
    return found;
}

void read_orientation(struct bytes tiff, unsigned *orientation) {
    if (tiff.length < 8 || (memcmp(tiff.data, "II*", 4) && memcmp(tiff.data, "MM\0*", 4)))
        return;
    int little = tiff.data[0] == 'I';
    size_t at = value(tiff.data + 4, 4, little);
    if (at > tiff.length - 2)
        return;
    size_t count = value(tiff.data + at, 2, little);
    for (at += 2; count && tiff.length - at >= ENTRY; count--, at += ENTRY) {
        const unsigned char *entry = tiff.data + at;
        if (value(entry, 2, little) != TAG || value(entry + 2, 2, little) != SHORT)
            continue;
        uint32_t found = value(entry + 8, 2, little);
        if (found >= 1 && found <= 8)
            *orientation = found;
        return;
    }
}

const char *turn_upright(struct image *image, unsigned orientation) {
    if (orientation == 1)
        return NULL;
    int across = orientation >= 5;
    int flip_x = orientation == 2 || orientation == 3 || orientation >= 7;
    int flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    uint32_t width = across ? image->height : image->width, height = across ? image->width : image->height;
    unsigned char *turned = malloc((size_t)width * height * image->channels), *next = turned;
    if (!turned)
        return NO_MEMORY;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, next += image->channels) {
            uint32_t from_x = across ? y : x, from_y = across ? x : y;
            from_x = flip_x ? image->width - 1 - from_x : from_x;
            from_y = flip_y ? image->height - 1 - from_y : from_y;
            memcpy(next, image->pixels + ((size_t)from_y * image->width + from_x) * image->channels, image->channels);
        }
    free(image->pixels);
    image->pixels = turned, image->width = width, image->height = height;
    return NULL;
}
