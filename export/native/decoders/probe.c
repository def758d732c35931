/* Whether a decoder, READ, decodes the image on the standard input: exit status 0. Without one, whether C compiles. */
#include "../image/image.h"

#include <stdio.h>

#ifndef READ
#define READ(file, found) ((void)(file), (void)(found), (const char *)NULL)
#endif

int main(void) {
    static unsigned char data[1 << 12];
    struct image found = { 8, 8, 0, NULL };
    struct bytes file = { data, fread(data, 1, sizeof data, stdin) };
    return READ(file, &found) != NULL || found.width != 8 || found.height != 8;
}
