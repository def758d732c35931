/* PNG by libpng: what it holds as bytes, grey or RGB, with alpha where something is transparent. No gamma, no profile. */
#include "../image/image.h"

#include <png.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
    png_structp png;
    png_infop info;
    png_bytepp rows;
    struct bytes rest;
};

static char reason[200];

static void fail(png_structp png, png_const_charp why) {
    snprintf(reason, sizeof reason, "the image cannot be decoded: %s", why);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp why) { (void)png, (void)why; }

static void take(png_structp png, png_bytep to, size_t count) {
    struct bytes *rest = png_get_io_ptr(png);
    if (count > rest->length)
        png_error(png, "it ends early");
    memcpy(to, rest->data, count);
    rest->data += count, rest->length -= count;
}

/* The header, and how pixels are wanted. Chunks that change no pixel are passed over, whatever they hold. */
static void begin(struct decoder *from) {
    png_set_read_fn(from->png, &from->rest, take);
    png_set_user_limits(from->png, MOST_SIDE, MOST_SIDE);
    png_set_chunk_malloc_max(from->png, 0);
    png_set_keep_unknown_chunks(from->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(from->png, from->info);
    png_set_expand(from->png);
    png_set_strip_16(from->png);
    png_set_interlace_handling(from->png);
    png_read_update_info(from->png, from->info);
}

/* The decoder's errors come back to this function, which therefore changes nothing of its own. NULL, or a reason. */
static const char *decode(struct decoder *from, struct image *found) {
    if (setjmp(png_jmpbuf(from->png)))
        return reason;
    begin(from);
    found->width = png_get_image_width(from->png, from->info);
    found->height = png_get_image_height(from->png, from->info);
    found->channels = png_get_channels(from->png, from->info);
    if ((uint64_t)found->width * found->height > MOST_PIXELS)
        return TOO_LARGE;
    if (png_get_rowbytes(from->png, from->info) != (size_t)found->width * found->channels)
        png_error(from->png, "its pixels are of no known size");
    found->pixels = malloc((size_t)found->width * found->height * found->channels);
    from->rows = malloc(found->height * sizeof *from->rows);
    if (!found->pixels || !from->rows)
        return NO_MEMORY;
    for (uint32_t y = 0; y < found->height; y++)
        from->rows[y] = found->pixels + (size_t)y * found->width * found->channels;
    png_read_image(from->png, from->rows);
    png_read_end(from->png, NULL);
    return NULL;
}

const char *read_png(struct bytes file, struct image *found) {
    struct decoder from = { NULL, NULL, NULL, file };
    from.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
    from.info = from.png ? png_create_info_struct(from.png) : NULL;
    const char *error = from.info ? decode(&from, found) : NO_MEMORY;
    png_destroy_read_struct(&from.png, &from.info, NULL);
    free(from.rows);
    return error;
}
