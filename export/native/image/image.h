/* Images: from a file's bytes to the network's input. What can go wrong gives a reason, all else NULL. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define MOST_PIXELS (1u << 26)
#define MOST_SIDE 1000000u

struct bytes {
    const unsigned char *data;
    size_t length;
};

/* channels: 1 grey, 3 RGB, 2 and 4 the same with alpha; pixels: malloc's, row after row. */
struct image {
    uint32_t width, height, channels;
    unsigned char *pixels;
};

/* net.c, generated. values: what a channel's 0 to 255 become, channel after channel; labels: UTF-8. */
struct preprocessing {
    uint32_t channels, height, width;
    const float *values;
};
extern const struct preprocessing net_preprocessing;
extern const char *const net_labels[];

/* net.c, generated: the decoders of JPEG and PNG, or NULL. */
typedef const char *reading(struct bytes file, struct image *found);
extern reading *const net_read_jpeg, *const net_read_png;

#define ENDS_EARLY "the image ends early"
#define ANOTHER "another image follows the first one; give one at a time"
#define TOO_LARGE "the image has more than 67108864 pixels"
#define NO_MEMORY "no memory for the image"

/* file.c */
const char *read_image(struct bytes file, struct image *found); /* upright */
int starts_image(const unsigned char *data, size_t length);

/* pnm.c, decoders/libjpeg.c, decoders/libpng.c. After a reason, what found->pixels are is the caller's to free. */
reading read_pnm, read_jpeg, read_png;

/* png.c, jpeg.c: whether the file is whole. orientation: EXIF's, 1 to 8; left as it is where the file does not tell. */
const char *check_png(struct bytes file, unsigned *orientation);
const char *check_jpeg(struct bytes file, unsigned *orientation);

/* exif.c */
void read_orientation(struct bytes tiff, unsigned *orientation);
const char *turn_upright(struct image *image, unsigned orientation);

/* flatten.c: what is transparent shows white; channels: 1 or 3. */
void flatten(const struct image *image, uint32_t channels, unsigned char *to);

/* fit.c: the centre of the target's proportions, resized bilinearly. */
const char *fit(const struct image *image, uint32_t width, uint32_t height, unsigned char *to);

/* prepare.c: the network's input of an image; a class's name. */
const char *prepare(const struct image *image, float *input);
const char *net_label(size_t class);

/* classify.c: of the image on the standard input; an exit status. */
int classify(void);

#endif
