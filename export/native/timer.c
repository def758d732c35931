/* The measuring protocol of worker.py, which says why: warm-up, rounds of samples, agreement of the lowest
   minima, by the wall clock and the processor's. */
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1e9     /* runs in a sample, and samples: more is a protocol that never ends */
#define LEAST_MS 1e-9
#define WAIT_S 0.1   /* before another round, where something disturbs */
#define WAITS 3      /* times the patience, where something disturbs */

struct series {
    double *samples, *minima; /* minima sorted */
};

struct timer {
    const struct protocol *protocol;
    const struct subject *subject;
    const char *error;
    double loops, per_round, spent_s, reading_s; /* reading_s: what the processor's clock costs of its own time */
    struct series wall, cpu;
    size_t sample_count, round_count;
    int was_quiet;
};

struct sample {
    double wall_ms, cpu_ms;
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

static double per_run_ms(const struct timer *t, double seconds) { return rint(seconds * 1e3 / t->loops * 1e9) / 1e9; }

static struct sample take_sample(struct timer *t) {
    const struct subject *s = t->subject;
    double began = s->cpu ? s->cpu() : 0, start = s->now();
    for (double i = 0; i < t->loops && !t->error; i++)
        t->error = s->run();
    double wall_s = s->now() - start, cpu_s = s->cpu ? s->cpu() - began - t->reading_s : 0;
    return (struct sample){ per_run_ms(t, wall_s), fmax(per_run_ms(t, cpu_s), LEAST_MS) };
}

static double cost_of_reading(double (*clock)(void)) {
    double least = INFINITY;
    for (int i = 0; i < 100; i++) {
        double first = clock();
        least = fmin(least, clock() - first);
    }
    return least;
}

/* Run until warm; the fastest run in ms. */
static double warm_up(struct timer *t) {
    const struct protocol *p = t->protocol;
    double start = t->subject->now(), fastest = INFINITY, elapsed_s = 0;
    for (double runs = 0; (runs < p->warmup_runs || elapsed_s < p->warmup_min_s) && elapsed_s < p->warmup_max_s && !t->error; runs++) {
        fastest = fmin(fastest, take_sample(t).wall_ms);
        elapsed_s = t->subject->now() - start;
    }
    return fmax(fastest, LEAST_MS);
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

/* Room for another round. */
static int grow(struct series *series, size_t samples, size_t rounds) {
    double *longer = realloc(series->samples, samples * sizeof *longer);
    series->samples = longer ? longer : series->samples;
    double *more = realloc(series->minima, rounds * sizeof *more);
    series->minima = more ? more : series->minima;
    return longer && more;
}

/* How many of the lowest minima the statistics use. */
static size_t used(const struct timer *t) {
    return (double)t->round_count < t->protocol->rounds ? t->round_count : (size_t)t->protocol->rounds;
}

static double figure(const struct timer *t, const struct series *series) { return quantile(series->minima, used(t), 0.5); }

/* Whether wall time cannot be believed: the processor's is shorter. */
static int disturbed(const struct timer *t) {
    return t->subject->cpu && figure(t, &t->wall) > figure(t, &t->cpu) * (1 + t->protocol->agreement);
}

static void keep_minimum(struct series *series, size_t rounds, double least) {
    series->minima[rounds - 1] = least;
    qsort(series->minima, rounds, sizeof *series->minima, ascending);
}

static void take_round(struct timer *t) {
    double start = t->subject->now();
    size_t wanted = t->sample_count + (size_t)t->per_round;
    if (t->round_count && disturbed(t))
        t->subject->wait(WAIT_S);
    if (!grow(&t->wall, wanted, t->round_count + 1) || !grow(&t->cpu, wanted, t->round_count + 1)) {
        t->error = "no memory for the samples";
        return;
    }
    int quiet_before = t->subject->quiet();
    struct sample least = { INFINITY, INFINITY };
    for (; t->sample_count < wanted && !t->error; t->sample_count++) {
        struct sample taken = take_sample(t);
        t->wall.samples[t->sample_count] = taken.wall_ms, t->cpu.samples[t->sample_count] = taken.cpu_ms;
        least = (struct sample){ fmin(least.wall_ms, taken.wall_ms), fmin(least.cpu_ms, taken.cpu_ms) };
    }
    t->was_quiet |= t->subject->quiet() | quiet_before;
    t->round_count++;
    keep_minimum(&t->wall, t->round_count, least.wall_ms);
    keep_minimum(&t->cpu, t->round_count, least.cpu_ms);
    t->spent_s += t->subject->now() - start;
}

static double spread(const struct timer *t, const struct series *series) {
    return series->minima[used(t) - 1] / series->minima[0] - 1;
}

static int agreed(const struct timer *t, const struct series *series) {
    return t->was_quiet && spread(t, series) <= t->protocol->agreement;
}

static int done(const struct timer *t) {
    if ((double)t->round_count < t->protocol->rounds)
        return 0;
    int is_disturbed = disturbed(t);
    return t->spent_s >= t->protocol->patience_s * (is_disturbed ? WAITS : 1) || (agreed(t, &t->wall) && !is_disturbed);
}

static void summarise(struct timer *t, struct latency *found) {
    int by_cpu = disturbed(t);
    const struct series *chosen = by_cpu ? &t->cpu : &t->wall;
    size_t count = used(t);
    double middle = figure(t, chosen), *away = malloc(count * sizeof *away);
    if (!away || !(t->wall.minima[0] > 0)) {
        t->error = away ? "the clock stood still during a sample" : "no memory for the statistics";
        free(away);
        return;
    }
    for (size_t i = 0; i < count; i++)
        away[i] = fabs(chosen->minima[i] - middle);
    qsort(away, count, sizeof *away, ascending);
    qsort(chosen->samples, t->sample_count, sizeof *chosen->samples, ascending);
    *found = (struct latency){
        .min_ms = chosen->minima[0], .median_of_minima_ms = middle,
        .p50_ms = quantile(chosen->samples, t->sample_count, 0.5),
        .p90_ms = quantile(chosen->samples, t->sample_count, 0.9),
        .mad_ms = quantile(away, count, 0.5), .spread = spread(t, chosen), .rounds = (double)t->round_count,
        .runs = (double)t->sample_count * t->loops, .agreed = agreed(t, chosen),
        .wall_ms = figure(t, &t->wall), .cpu_ms = figure(t, &t->cpu), .by_both = t->subject->cpu != NULL, .by_cpu = by_cpu,
    };
    free(away);
}

const char *measure(const struct protocol *protocol, const struct subject *subject, struct latency *found) {
    struct timer t;
    memset(&t, 0, sizeof t);
    t.protocol = protocol, t.subject = subject;
    t.reading_s = subject->cpu ? cost_of_reading(subject->cpu) : 0;
    plan_rounds(&t);
    while (!t.error && (double)t.round_count < protocol->max_rounds && !done(&t))
        take_round(&t);
    if (!t.error)
        summarise(&t, found);
    free(t.wall.samples);
    free(t.wall.minima);
    free(t.cpu.samples);
    free(t.cpu.minima);
    return t.error;
}
