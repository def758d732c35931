#include "image.h"

#include <stdlib.h>

static void normalise(const unsigned char *pixels, float *input) {
    const struct preprocessing *to = &net_preprocessing;
    size_t count = (size_t)to->width * to->height;
    for (uint32_t channel = 0; channel < to->channels; channel++)
        for (size_t i = 0; i < count; i++)
            *input++ = to->values[channel * 256 + pixels[i * to->channels + channel]];
}

const char *net_label(size_t class) { return net_labels[class]; }

const char *prepare(const struct image *image, float *input) {
    const struct preprocessing *to = &net_preprocessing;
    struct image flat = { image->width, image->height, to->channels, NULL };
    unsigned char *small = malloc((size_t)to->width * to->height * to->channels);
    flat.pixels = malloc((size_t)flat.width * flat.height * flat.channels);
    const char *error = small && flat.pixels ? NULL : NO_MEMORY;
    if (!error) {
        flatten(image, to->channels, flat.pixels);
        error = fit(&flat, to->width, to->height, small);
    }
    if (!error)
        normalise(small, input);
    free(small);
    free(flat.pixels);
    return error;
}
