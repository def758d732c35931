/* Pillow's ImageOps.fit(image, size, BILINEAR): its crop, its triangle filter, its fixed point. Whether rows or columns
   come first differs among its versions, and a value by 1 with it. */
#include "image.h"

#include <math.h>
#include <stdlib.h>

#define BITS 22 /* of a weight's fraction */

/* For each place of the result, `most` weights of the source's places from `first` on; `count` of them matter. */
struct filter {
    uint32_t places, most;
    uint32_t *first, *count;
    int32_t *weights;
};

static void discard(struct filter *filter) {
    free(filter->first);
    free(filter->count);
    free(filter->weights);
}

static void weigh(struct filter *filter, uint32_t place, double centre, double scale, uint32_t size) {
    double low = centre - scale + 0.5, high = centre + scale + 0.5, sum = 0;
    uint32_t first = low < 0 ? 0 : (uint32_t)low, end = high > size ? size : (uint32_t)high;
    int32_t *weights = filter->weights + (size_t)place * filter->most;
    for (uint32_t i = first; i < end; i++)
        sum += fmax(0, 1 - fabs((i - centre + 0.5) * (1 / scale)));
    for (uint32_t i = first; i < end; i++) {
        double weight = fmax(0, 1 - fabs((i - centre + 0.5) * (1 / scale)));
        weights[i - first] = (int32_t)(0.5 + (sum != 0 ? weight / sum : weight) * (1 << BITS));
    }
    filter->first[place] = first, filter->count[place] = end - first;
}

/* From `start` to `end` of `size` places to `places`. NULL, or a reason. */
static const char *plan(struct filter *filter, uint32_t size, float start, float end, uint32_t places) {
    double step = (double)(end - start) / places, scale = fmax(step, 1);
    filter->places = places, filter->most = (uint32_t)ceil(scale) * 2 + 1;
    filter->first = malloc(places * sizeof *filter->first);
    filter->count = malloc(places * sizeof *filter->count);
    filter->weights = malloc((size_t)places * filter->most * sizeof *filter->weights);
    if (!filter->first || !filter->count || !filter->weights)
        return NO_MEMORY;
    for (uint32_t place = 0; place < places; place++)
        weigh(filter, place, (double)start + (place + 0.5) * step, scale, size);
    return NULL;
}

static unsigned char rounded(int64_t sum) {
    int64_t value = (sum + (1 << (BITS - 1))) >> BITS;
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Places are `stride` bytes apart; the result's are next to one another, and so are `lanes` independent values. */
static void apply(const struct filter *filter, const unsigned char *from, size_t stride, size_t lanes, unsigned char *to) {
    for (uint32_t place = 0; place < filter->places; place++) {
        const int32_t *weights = filter->weights + (size_t)place * filter->most;
        for (size_t lane = 0; lane < lanes; lane++) {
            const unsigned char *at = from + filter->first[place] * stride + lane;
            int64_t sum = 0;
            for (uint32_t i = 0; i < filter->count[place]; i++)
                sum += (int64_t)weights[i] * at[i * stride];
            to[place * lanes + lane] = rounded(sum);
        }
    }
}

/* How much of width and height is kept, in the middle. */
static void crop(const struct image *image, double ratio, double *width, double *height) {
    double own = (double)image->width / image->height;
    *width = own >= ratio && own != ratio ? ratio * image->height : image->width;
    *height = own < ratio ? image->width / ratio : image->height;
}

const char *fit(const struct image *image, uint32_t width, uint32_t height, unsigned char *to) {
    double kept_width, kept_height;
    crop(image, (double)width / height, &kept_width, &kept_height);
    double left = (image->width - kept_width) * 0.5, top = (image->height - kept_height) * 0.5;
    struct filter across = { 0 }, down = { 0 };
    size_t row = (size_t)image->width * image->channels, made = (size_t)width * image->channels;
    unsigned char *rows = made > SIZE_MAX / image->height ? NULL : malloc(made * image->height);
    const char *error = rows ? NULL : NO_MEMORY;
    if (!error)
        error = plan(&across, image->width, (float)left, (float)(left + kept_width), width);
    if (!error)
        error = plan(&down, image->height, (float)top, (float)(top + kept_height), height);
    if (!error) {
        for (uint32_t y = 0; y < image->height; y++)
            apply(&across, image->pixels + y * row, image->channels, image->channels, rows + y * made);
        apply(&down, rows, made, made, to);
    }
    discard(&across);
    discard(&down);
    free(rows);
    return error;
}
