/* PNG and JPEG by stb_image (Sean Barrett and others; its licences are at its end), the rest of it left out. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_SIMD
#define STBI_NO_THREAD_LOCALS
#define STBI_ASSERT(holds) ((holds) ? (void)0 : abort())
#define STBI_MAX_DIMENSIONS 1000000
#include <stdlib.h>
#pragma GCC diagnostic ignored "-Wunused-function"
#include "stb_image.h"

#include "image.h"

#include <limits.h>
#include <stdio.h>

static char reason[200];

static const char *failed(void) {
    snprintf(reason, sizeof reason, "the image cannot be decoded: %s", stbi_failure_reason());
    return reason;
}

const char *read_by_stb(struct bytes file, struct image *found) {
    int width, height, channels, length = (int)file.length;
    if (file.length > INT_MAX)
        return "the image has more than 2147483647 bytes";
    if (!stbi_info_from_memory(file.data, length, &width, &height, &channels))
        return failed();
    if ((uint64_t)width * (uint64_t)height > MOST_PIXELS)
        return TOO_LARGE;
    found->pixels = stbi_load_from_memory(file.data, length, &width, &height, &channels, 0);
    if (!found->pixels)
        return failed();
    found->width = (uint32_t)width, found->height = (uint32_t)height, found->channels = (uint32_t)channels;
    return NULL;
}
