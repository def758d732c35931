/* An image file of any kind that is known. */
#include "../program.h"
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

/* Whole files only: what a decoder makes of the rest is no image. */
static const char *check(struct bytes file, unsigned *orientation, reading **read) {
    static char reason[200];
    if (is_png(file.data, file.length))
        return *read = net_read_png, *read ? check_png(file, orientation) : net_unread;
    if (is_jpeg(file.data, file.length))
        return *read = net_read_jpeg, *read ? check_jpeg(file, orientation) : net_unread;
    if (is_pnm(file.data, file.length))
        return *read = read_pnm, NULL;
    snprintf(reason, sizeof reason, "the input is no image of a kind that is read: %s", net_kinds);
    return reason;
}

const char *read_image(struct bytes file, struct image *found) {
    unsigned orientation = 1;
    reading *read = NULL;
    found->pixels = NULL;
    if (file.length == 0)
        return "the input is empty";
    const char *error = check(file, &orientation, &read);
    if (!error)
        error = read(file, found);
    if (!error)
        error = turn_upright(found, orientation);
    if (error) {
        free(found->pixels);
        found->pixels = NULL;
    }
    return error;
}
