/* A network as a library: its header is made with it (library_header.py). */
#include "../kernels.h"
#include "../program.h"

#include <string.h>

static const char *reason = "";

int remember(const char *error);
int edgenas_run(const float *input, float *output);
const char *edgenas_error(void);

/* Remember a reason. 0, or -1 if there is one. */
int remember(const char *error) {
    reason = error ? error : "";
    return error ? -1 : 0;
}

int edgenas_run(const float *input, float *output) {
    memcpy(net_input, input, net_input_count * sizeof *input);
    const char *error = run_net();
    if (!error)
        memcpy(output, net_output, net_output_count * sizeof *output);
    return remember(error);
}

const char *edgenas_error(void) { return reason; }
