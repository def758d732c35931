/* The measuring protocol of worker.py, which says why: warm-up, rounds of samples, agreement of the lowest minima. */
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1e9 /* runs in a sample, and samples: more is a protocol that never ends */

struct timer {
    const struct protocol *protocol;
    const struct subject *subject;
    const char *error;
    double loops, per_round, spent_s;
    double *samples, *minima; /* minima sorted */
    size_t sample_count, round_count;
    int was_quiet;
};

static int ascending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double quantile(const double *sorted, size_t count, double share) {
    double place = (double)(count - 1) * share;
    size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (sorted[above] - sorted[below]) * (place - (double)below);
}

/* Milliseconds per run. */
static double take_sample(struct timer *t) {
    double start = t->subject->now();
    for (double i = 0; i < t->loops && !t->error; i++)
        t->error = t->subject->run();
    return rint((t->subject->now() - start) * 1e3 / t->loops * 1e9) / 1e9;
}

/* Run until warm; the fastest run in ms. */
static double warm_up(struct timer *t) {
    const struct protocol *p = t->protocol;
    double start = t->subject->now(), fastest = INFINITY, elapsed_s = 0;
    for (double runs = 0; (runs < p->warmup_runs || elapsed_s < p->warmup_min_s) && elapsed_s < p->warmup_max_s && !t->error; runs++) {
        fastest = fmin(fastest, take_sample(t));
        elapsed_s = t->subject->now() - start;
    }
    return fmax(fastest, 1e-9);
}

static void plan_rounds(struct timer *t) {
    const struct protocol *p = t->protocol;
    t->loops = 1;
    double estimate_ms = warm_up(t);
    t->loops = ceil(p->sample_us / 1e3 / estimate_ms);
    double sample_s = estimate_ms * t->loops / 1e3;
    double bounded = fmax(p->min_runs, fmin(p->runs, p->slow_round_s / sample_s));
    t->per_round = floor(fmax(bounded, p->round_s / sample_s));
    if (!t->error && (t->loops > MOST || t->per_round > MOST))
        t->error = "the protocol asks for more than 1e9 runs in a sample, or samples in a round";
}

static void take_round(struct timer *t) {
    double start = t->subject->now();
    size_t wanted = t->sample_count + (size_t)t->per_round;
    double *samples = realloc(t->samples, wanted * sizeof *samples);
    double *minima = realloc(t->minima, (t->round_count + 1) * sizeof *minima);
    t->samples = samples ? samples : t->samples;
    t->minima = minima ? minima : t->minima;
    if (!samples || !minima) {
        t->error = "no memory for the samples";
        return;
    }
    int quiet_before = t->subject->quiet();
    double least = INFINITY;
    while (t->sample_count < wanted && !t->error)
        least = fmin(least, samples[t->sample_count++] = take_sample(t));
    t->was_quiet |= t->subject->quiet() | quiet_before;
    minima[t->round_count++] = least;
    qsort(minima, t->round_count, sizeof *minima, ascending);
    t->spent_s += t->subject->now() - start;
}

/* How many of the lowest minima the statistics use. */
static size_t used(const struct timer *t) {
    return (double)t->round_count < t->protocol->rounds ? t->round_count : (size_t)t->protocol->rounds;
}

static double spread(const struct timer *t) { return t->minima[used(t) - 1] / t->minima[0] - 1; }

static int agreed(const struct timer *t) { return t->was_quiet && spread(t) <= t->protocol->agreement; }

static int done(const struct timer *t) {
    return (double)t->round_count >= t->protocol->rounds && (t->spent_s >= t->protocol->patience_s || agreed(t));
}

static void summarise(struct timer *t, struct latency *found) {
    size_t count = used(t);
    double middle = quantile(t->minima, count, 0.5), *away = malloc(count * sizeof *away);
    if (!away || !(t->minima[0] > 0)) {
        t->error = away ? "the clock stood still during a sample" : "no memory for the statistics";
        free(away);
        return;
    }
    for (size_t i = 0; i < count; i++)
        away[i] = fabs(t->minima[i] - middle);
    qsort(away, count, sizeof *away, ascending);
    qsort(t->samples, t->sample_count, sizeof *t->samples, ascending);
    *found = (struct latency){
        .min_ms = t->minima[0], .median_of_minima_ms = middle,
        .p50_ms = quantile(t->samples, t->sample_count, 0.5), .p90_ms = quantile(t->samples, t->sample_count, 0.9),
        .mad_ms = quantile(away, count, 0.5), .spread = spread(t), .rounds = (double)t->round_count,
        .runs = (double)t->sample_count * t->loops, .agreed = agreed(t),
    };
    free(away);
}

const char *measure(const struct protocol *protocol, const struct subject *subject, struct latency *found) {
    struct timer t;
    memset(&t, 0, sizeof t);
    t.protocol = protocol, t.subject = subject;
    plan_rounds(&t);
    while (!t.error && (double)t.round_count < protocol->max_rounds && !done(&t))
        take_round(&t);
    if (!t.error)
        summarise(&t, found);
    free(t.samples);
    free(t.minima);
    return t.error;
}
