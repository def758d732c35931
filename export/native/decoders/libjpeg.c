/* JPEG by libjpeg or libjpeg-turbo, to grey or RGB. Damaged data is refused, which the library would guess. */
#include "../image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#define MOST_SCANS 100 /* each goes over all pixels, and may be of a few bytes */

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    unsigned char *inks; /* a row of CMYK */
};

static char reason[JMSG_LENGTH_MAX + 40];

static void fail(j_common_ptr jpeg) {
    char why[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, why);
    snprintf(reason, sizeof reason, "the image cannot be decoded: %s", why);
    longjmp(((struct decoder *)jpeg->client_data)->failed, 1);
}

static void ignore(j_common_ptr jpeg) { (void)jpeg; }

/* level -1: what the library mends by itself. Pixels that it makes up are none. */
static void hear(j_common_ptr jpeg, int level) {
    int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE
                      || code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC))
        fail(jpeg);
}

static void count_scans(j_common_ptr jpeg) {
    struct decoder *from = jpeg->client_data;
    if (from->jpeg.input_scan_number <= MOST_SCANS)
        return;
    snprintf(reason, sizeof reason, "the image cannot be decoded: it has more than %d scans", MOST_SCANS);
    longjmp(from->failed, 1);
}

/* The library's colours, by those of the file; 0 for colours that are not known. */
static int choose_colours(struct decoder *from, struct image *found) {
    switch (from->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        from->jpeg.out_color_space = JCS_GRAYSCALE, found->channels = 1;
        return 1;
    case JCS_RGB:
    case JCS_YCbCr:
        from->jpeg.out_color_space = JCS_RGB, found->channels = 3;
        return 1;
    case JCS_CMYK:
    case JCS_YCCK:
        from->jpeg.out_color_space = JCS_CMYK, found->channels = 3;
        return 1;
    default:
        return 0;
    }
}

/* Inks as Adobe writes them, 255 for none, to RGB with Pillow's arithmetic. */
static void to_rgb(const unsigned char *inks, uint32_t count, unsigned char *to) {
    for (uint32_t i = 0; i < count; i++, inks += 4)
        for (int c = 0; c < 3; c++, to++) {
            unsigned product = (255u - inks[c]) * inks[3] + 128;
            *to = (unsigned char)(inks[3] - (((product >> 8) + product) >> 8));
        }
}

static void read_rows(struct decoder *from, struct image *found) {
    struct jpeg_decompress_struct *jpeg = &from->jpeg;
    while (jpeg->output_scanline < found->height) {
        JSAMPROW to = found->pixels + (size_t)jpeg->output_scanline * found->width * found->channels;
        JSAMPROW row = from->inks ? from->inks : to;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1)
            ERREXIT(jpeg, JERR_CANT_SUSPEND);
        if (from->inks)
            to_rgb(row, found->width, to);
    }
}

/* The library's errors come back to this function, which therefore changes nothing of its own. NULL, or a reason. */
static const char *decode(struct decoder *from, struct bytes file, struct image *found) {
    if (setjmp(from->failed))
        return reason;
    jpeg_create_decompress(&from->jpeg);
    from->jpeg.progress = &from->progress;
    jpeg_mem_src(&from->jpeg, (unsigned char *)file.data, (unsigned long)file.length);
    jpeg_read_header(&from->jpeg, TRUE);
    found->width = from->jpeg.image_width, found->height = from->jpeg.image_height;
    if ((uint64_t)found->width * found->height > MOST_PIXELS)
        return TOO_LARGE;
    if (!choose_colours(from, found))
        return "the image cannot be decoded: its colours are neither grey nor RGB nor CMYK";
    jpeg_start_decompress(&from->jpeg);
    found->pixels = malloc((size_t)found->width * found->height * found->channels);
    from->inks = from->jpeg.out_color_space == JCS_CMYK ? malloc((size_t)found->width * 4) : NULL;
    if (!found->pixels || (from->jpeg.out_color_space == JCS_CMYK && !from->inks))
        return NO_MEMORY;
    read_rows(from, found);
    jpeg_finish_decompress(&from->jpeg);
    return NULL;
}

const char *read_jpeg(struct bytes file, struct image *found) {
    struct decoder *from = calloc(1, sizeof *from);
    if (!from)
        return NO_MEMORY;
    from->jpeg.err = jpeg_std_error(&from->errors);
    from->jpeg.client_data = from;
    from->errors.error_exit = fail;
    from->errors.emit_message = hear;
    from->errors.output_message = ignore;
    from->progress.progress_monitor = count_scans;
    const char *error = decode(from, file, found);
    jpeg_destroy_decompress(&from->jpeg);
    free(from->inks);
    free(from);
    return error;
}
