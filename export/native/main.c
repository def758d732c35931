/* A network as a program: logits of raw tensors, an image's class, a description of the machine, or the network's latency. */
#include "kernels.h"
#include "program.h"

#include <math.h>
#include <string.h>
#include <time.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "input is little-endian float32"
#endif

static double read_clock(clockid_t clock) {
    struct timespec time = { 0, 0 };
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double now(void) { return read_clock(CLOCK_MONOTONIC); }

#ifdef CLOCK_THREAD_CPUTIME_ID
static double processor_time(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

static int has_processor_time(void) {
    struct timespec time;
    return !clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
}
#else
#define processor_time NULL
#define has_processor_time() 0
#endif

static void wait_for(double seconds) {
    struct timespec time = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };
    nanosleep(&time, NULL);
}

static int predict(void) {
    size_t bytes = net_input_count * sizeof *net_input;
    for (size_t tensor = 0;; tensor++) {
        size_t found = fread(net_input, 1, bytes, stdin);
        if (ferror(stdin)) {
            perror("cannot read the input");
            return FAILED;
        }
        if (found == 0 && tensor > 0)
            return 0;
        if (found < bytes) {
            fprintf(stderr, "the input ends after %zu bytes of tensor %zu; each must have %zu: little-endian float32\n",
                    found, tensor, bytes);
            return USAGE;
        }
        if (infer(tensor))
            return FAILED;
        fputs("{", stdout);
        print_logits();
        puts("}");
        if (flushed())
            return FAILED;
    }
}

static int classify_image(void) {
    if (net_classify)
        return net_classify();
    fputs("this program was exported without what an image's pixels become; it takes float32 tensors, without --image\n",
          stderr);
    return USAGE;
}

static int describe(void) {
    printf("{\"worker\": %d, \"runtime\": \"binary\", \"version\": \"%s\", %s, \"images\": %s, \"machine\": ",
           net_worker, net_version, net_signature, net_images);
    describe_machine(stdout);
    puts("}");
    return flushed();
}

static int plain(const char *id) {
    const char *known = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return *id && strspn(id, known) == strlen(id);
}

static void print_latency(const struct latency *found) {
    const struct { const char *name; double value; } values[] = {
        { "min_ms", found->min_ms }, { "median_of_minima_ms", found->median_of_minima_ms },
        { "p50_ms", found->p50_ms }, { "p90_ms", found->p90_ms }, { "mad_ms", found->mad_ms },
        { "spread", found->spread },
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        printf("\"%s\": ", values[i].name);
        json_number(stdout, values[i].value);
        fputs(", ", stdout);
    }
    printf("\"rounds\": %.0f, \"runs\": %.0f, \"agreed\": %s", found->rounds, found->runs,
           found->agreed ? "true" : "false");
    if (!found->by_both)
        return;
    printf(", \"clock\": \"%s\", \"wall_ms\": ", found->by_cpu ? "cpu" : "wall");
    json_number(stdout, found->wall_ms);
    fputs(", \"cpu_ms\": ", stdout);
    json_number(stdout, found->cpu_ms);
}

static int bench(const char *id, int count, char **assignments) {
    struct protocol protocol = net_protocol;
    struct latency found;
    if (!plain(id)) {
        fprintf(stderr, "'%s' is no id; it must be of letters, digits, '_', '.' and '-'\n", id);
        return USAGE;
    }
    for (int i = 0; i < count; i++)
        if (set_protocol(&protocol, assignments[i]))
            return USAGE;
    if (check_protocol(&protocol))
        return USAGE;
    fill_normal(net_input, net_input_count, (uint64_t)protocol.seed);
    calibrate(protocol.agreement, protocol.calibration_s, now);
    const struct subject subject = { now, has_processor_time() ? processor_time : NULL, wait_for, run_net, quiet };
    const char *error = measure(&protocol, &subject, &found);
    printf("{\"id\": \"%s\", \"%s\": ", id, error ? "error" : "latency");
    if (error) {
        json_string(stdout, error);
    } else {
        fputs("{", stdout);
        print_latency(&found);
        fputs("}", stdout);
    }
    puts("}");
    return flushed();
}

static int help(void) {
    printf("A network. What it takes on the standard input, and the line that it prints:\n\n"
           "  (no argument)                float32 tensors of %s, little-endian: the logits of each\n", net_shape);
    if (net_classify)
        printf("  --image                      an image file, %s: its class, label and probability\n", net_kinds);
    printf("  --bench ID [NAME=VALUE ...]  nothing: the network's latency; a NAME that is not known lists them\n"
           "  --describe                   nothing: the signature, what images are read, and the machine\n"
           "  --help                       nothing: this text\n");
    if (net_classify && *net_unread)
        printf("\n%s\n", net_unread);
    return flushed();
}

int main(int count, char **words) {
    if (count == 1)
        return predict();
    if (count == 2 && !strcmp(words[1], "--help"))
        return help();
    if (count == 2 && !strcmp(words[1], "--image"))
        return classify_image();
    if (count == 2 && !strcmp(words[1], "--describe"))
        return describe();
    if (count >= 3 && !strcmp(words[1], "--bench"))
        return bench(words[2], count - 3, words + 3);
    fprintf(stderr, "'%s' cannot be used so: give no argument and float32 tensors on the standard input, "
                    "--image and an image there, --describe, --help, or --bench ID [NAME=VALUE ...]\n", words[1]);
    return USAGE;
}
