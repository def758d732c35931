/* The program of main.c around a network that is in a library. network.h is its header. */
#include "network.h"

#include "../kernels.h"
#include "../program.h"

static float input[EDGENAS_INPUTS], output[EDGENAS_OUTPUTS];
float *const net_input = input;
const float *const net_output = output;
const size_t net_input_count = EDGENAS_INPUTS, net_output_count = EDGENAS_OUTPUTS;

const char *run_net(void) { return edgenas_run(input, output) ? edgenas_error() : NULL; }

#ifdef EDGENAS_IMAGES
#include "../image/image.h"

const char *prepare(const struct image *image, float *to) {
    return edgenas_prepare(image->pixels, image->width, image->height, image->channels, to) ? edgenas_error() : NULL;
}

const char *net_label(size_t class) { return edgenas_label((int)class); }
#endif
