/* The image on the standard input: its logits, and its class. */
#include "../kernels.h"
#include "../program.h"
#include "image.h"

#include <math.h>
#include <stdlib.h>

#define MOST_BYTES (1u << 28)

/* All of the standard input. NULL, or a reason. */
static const char *read_all(struct bytes *found) {
    unsigned char *data = NULL;
    size_t room = 0, length = 0;
    do {
        room = room ? 2 * room : 1u << 16;
        unsigned char *more = realloc(data, room);
        if (!more) {
            free(data);
            return NO_MEMORY;
        }
        data = more;
        length += fread(data + length, 1, room - length, stdin);
    } while (length == room && length < MOST_BYTES);
    *found = (struct bytes){ data, length };
    return length < MOST_BYTES ? NULL : "the input has more than 268435455 bytes";
}

static void print_class(void) {
    size_t best = 0;
    double sum = 0;
    for (size_t i = 1; i < net_output_count; i++)
        best = net_output[i] > net_output[best] ? i : best;
    for (size_t i = 0; i < net_output_count; i++)
        sum += exp((double)net_output[i] - (double)net_output[best]);
    printf("{\"class\": %zu, \"label\": ", best);
    json_text(stdout, net_label(best));
    fputs(", \"probability\": ", stdout);
    json_number(stdout, 1 / sum);
    fputs(", ", stdout);
    print_logits();
    puts("}");
}

int classify(void) {
    struct bytes file = { NULL, 0 };
    struct image image = { 0, 0, 0, NULL };
    const char *error = read_all(&file);
    if (!error && ferror(stdin)) {
        perror("cannot read the input");
        return FAILED;
    }
    if (!error)
        error = read_image(file, &image);
    if (!error)
        error = prepare(&image, net_input);
    free((void *)file.data);
    free(image.pixels);
    if (error) {
        fprintf(stderr, "%s\n", error);
        return USAGE;
    }
    if (infer(0))
        return FAILED;
    print_class();
    return flushed();
}
