/* Standard normal values of a seed: SplitMix64 (Steele, Lea and Flood 2014) and Box-Muller. */
#include "program.h"

#include <math.h>

static double uniform(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

void fill_normal(float *values, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        double radius = sqrt(-2 * log(uniform(&seed)));
        values[i] = (float)(radius * cos(6.283185307179586 * uniform(&seed)));
    }
}
