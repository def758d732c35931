/* An image file of any kind that is known. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC(text) (length >= sizeof text - 1 && !memcmp(data, text, sizeof text - 1))

static int is_png(const unsigned char *data, size_t length) { return MAGIC("\x89PNG\r\n\x1a\n"); }
static int is_jpeg(const unsigned char *data, size_t length) { return MAGIC("\xff\xd8\xff"); }
static int is_pnm(const unsigned char *data, size_t length) { return MAGIC("P5") || MAGIC("P6"); }

int starts_image(const unsigned char *data, size_t length) {
    return is_png(data, length) || is_jpeg(data, length) || is_pnm(data, length);
}

const char *read_image(struct bytes file, struct image *found) {
    unsigned orientation = 1;
    const char *error;
    found->pixels = NULL;
    if (file.length == 0)
        return "the input is empty";
    if (is_pnm(file.data, file.length))
        return read_pnm(file, found);
    if (is_png(file.data, file.length))
        error = check_png(file, &orientation);
    else if (is_jpeg(file.data, file.length))
        error = check_jpeg(file, &orientation);
    else
        error = "the input is no image of a kind that is read: JPEG, PNG, PPM (P6) or PGM (P5)";
    if (!error)
        error = read_by_stb(file, found);
    if (!error)
        error = turn_upright(found, orientation);
    if (error) {
        free(found->pixels);
        found->pixels = NULL;
    }
    return error;
}
