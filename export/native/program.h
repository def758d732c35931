/* What the program's files give each other. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* net.c, generated */
extern float *const net_input;
extern const float *const net_output;
extern const size_t net_input_count, net_output_count;
extern const char net_version[];
extern const char net_signature[]; /* "inputs": [...], "outputs": [...] */
extern const int net_worker;       /* version of the lines that the program prints */
extern const char net_shape[];     /* of the input: 1 x 3 x 32 x 32 */
extern const char net_images[];    /* the kinds of image files that it reads, JSON: ["PPM", "PGM"] */
extern const char net_kinds[];     /* the same in words */
extern const char net_unread[];    /* why it reads no others; empty if it does */

extern int (*const net_classify)(void); /* image/classify.c's, or NULL */

enum { FAILED = 1, USAGE = 2 }; /* exit statuses */

/* logits.c; what gives an int gives 0, or an exit status after a sentence on stderr */
int infer(size_t tensor);
void print_logits(void); /* "logits": [...] */
int flushed(void);

/* json.c */
void json_string(FILE *to, const char *text); /* null for NULL; what is not printable ASCII becomes ? */
void json_text(FILE *to, const char *text);   /* UTF-8 */
void json_number(FILE *to, double number);    /* with as few digits as give the same number again; null if not finite */

/* sha256.c */
void sha256(const char *text, char hex[65]);

/* machine.c */
void describe_machine(FILE *to);

/* protocol.c. The numbers of the measuring protocol: name, whether whole, least value. */
#define PROTOCOL(FIELD)            \
    FIELD(calibration_s, 0, 1e-9)  \
    FIELD(warmup_runs, 1, 1)       \
    FIELD(warmup_min_s, 0, 0)      \
    FIELD(warmup_max_s, 0, 1e-9)   \
    FIELD(rounds, 1, 1)            \
    FIELD(max_rounds, 1, 1)        \
    FIELD(patience_s, 0, 1e-9)     \
    FIELD(agreement, 0, 1e-9)      \
    FIELD(runs, 1, 1)              \
    FIELD(round_s, 0, 1e-9)        \
    FIELD(min_runs, 1, 1)          \
    FIELD(slow_round_s, 0, 1e-9)   \
    FIELD(sample_us, 0, 1e-9)      \
    FIELD(seed, 1, 0)

#define MEMBER(name, whole, least) double name;
struct protocol { PROTOCOL(MEMBER) };
#undef MEMBER

extern const struct protocol net_protocol;                              /* net.c: the default */
int set_protocol(struct protocol *protocol, const char *assignment);    /* 0, or -1 after a sentence on stderr */
int check_protocol(const struct protocol *protocol);                    /* the same */

/* timer.c */
struct latency {
    double min_ms, median_of_minima_ms, p50_ms, p90_ms, mad_ms, spread, rounds, runs;
    double wall_ms, cpu_ms; /* median of the rounds' minima by each clock */
    int agreed, by_both, by_cpu; /* whether both clocks were read; whether the statistics are the processor's time */
};
struct subject {
    double (*now)(void);      /* seconds */
    double (*cpu)(void);      /* seconds of the processor's time of this thread; NULL where the system tells none */
    void (*wait)(double seconds);
    const char *(*run)(void); /* one inference: NULL, or what went wrong */
    int (*quiet)(void);       /* whether nothing slows the processor down */
};
const char *measure(const struct protocol *protocol, const struct subject *subject, struct latency *found);

/* reference.c */
int quiet(void);
void calibrate(double agreement, double seconds, double (*clock)(void));

/* normal.c */
void fill_normal(float *values, size_t count, uint64_t seed);

#endif
