/* What a library knows of images. */
#include "../image/image.h"
#include "../program.h"

int remember(const char *error);
int edgenas_prepare(const unsigned char *pixels, unsigned width, unsigned height, unsigned channels, float *input);
const char *edgenas_label(int class);

int edgenas_prepare(const unsigned char *pixels, unsigned width, unsigned height, unsigned channels, float *input) {
    struct image image = { width, height, channels, (unsigned char *)pixels };
    if (!width || !height || width > MOST_SIDE || height > MOST_SIDE || (uint64_t)width * height > MOST_PIXELS)
        return remember("an image has sides from 1 to 1000000 and up to 67108864 pixels");
    if (channels < 1 || channels > 4)
        return remember("a pixel has 1 value (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA)");
    return remember(prepare(&image, input));
}

const char *edgenas_label(int class) {
    return class < 0 || (size_t)class >= net_output_count ? NULL : net_label((size_t)class);
}
