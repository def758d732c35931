/* Reads the images on the standard input, each after its length, and makes them small; counts those read and refused. */
#include "image/image.h"

#include <stdio.h>
#include <stdlib.h>

#define SIDE 24
#define MOST (1u << 20) /* pixels to be made small: it takes long */

int main(void) {
    static unsigned char small[3 * SIDE * SIDE];
    long counts[2] = { 0, 0 };
    uint32_t length;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        unsigned char *data = malloc(length);
        struct image image = { 0, 0, 0, NULL };
        if (!data || fread(data, 1, length, stdin) != length)
            return 1;
        const char *error = read_image((struct bytes){ data, length }, &image);
        counts[error != NULL]++;
        if (!error && (uint64_t)image.width * image.height < MOST) {
            struct image flat = image;
            flat.channels = 3;
            flat.pixels = malloc((size_t)image.width * image.height * 3);
            if (!flat.pixels)
                return 1;
            flatten(&image, 3, flat.pixels);
            if (fit(&flat, SIDE, SIDE, small))
                return 1;
            free(flat.pixels);
        }
        free(image.pixels);
        free(data);
    }
    printf("%ld %ld\n", counts[0], counts[1]);
    return 0;
}
