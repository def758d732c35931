/* Transparency and colour, with Pillow's arithmetic (alpha_composite on white; convert: ITU-R 601-2 luma). */
#include "image.h"

/* 0 to 255 of a value on white, where alpha is not 255. */
static unsigned on_white(unsigned value, unsigned alpha) {
    uint32_t share = alpha * 128, sum = value * share + 255 * (255 * 128 - share) + (128 << 7);
    return (((sum >> 8) + sum) >> 8) >> 7;
}

void flatten(const struct image *image, uint32_t channels, unsigned char *to) {
    const unsigned char *from = image->pixels;
    int colour = image->channels >= 3, transparent = image->channels % 2 == 0;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++, from += image->channels, to += channels) {
        unsigned rgb[3], alpha = transparent ? from[image->channels - 1] : 255;
        for (int c = 0; c < 3; c++)
            rgb[c] = alpha == 255 ? from[colour ? c : 0] : on_white(from[colour ? c : 0], alpha);
        if (channels == 1)
            to[0] = (unsigned char)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
        for (uint32_t c = 0; channels == 3 && c < 3; c++)
            to[c] = (unsigned char)rgb[c];
    }
}
