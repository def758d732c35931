#include "kernels.h"
#include "program.h"

#include <math.h>

int flushed(void) {
    if (!fflush(stdout) && !ferror(stdout))
        return 0;
    perror("cannot write the output");
    return FAILED;
}

int infer(size_t tensor) {
    const char *error = run_net();
    if (error) {
        fprintf(stderr, "%s\n", error);
        return FAILED;
    }
    for (size_t i = 0; i < net_output_count; i++)
        if (!isfinite(net_output[i])) {
            fprintf(stderr, "output %zu of tensor %zu is not finite\n", i, tensor);
            return FAILED;
        }
    return 0;
}

void print_logits(void) {
    fputs("\"logits\": [", stdout);
    for (size_t i = 0; i < net_output_count; i++)
        printf("%s%.9g", i ? ", " : "", net_output[i]);
    fputs("]", stdout);
}
