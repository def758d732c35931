/* A computation whose time tells whether something slows the processor down: a small matrix product. */
#include "program.h"

#include <math.h>

#define SIDE 48
#define TRIES 50

static float matrix[SIDE][SIDE], product[SIDE][SIDE];
static double (*now)(void);
static double fastest, tolerance;

static void multiply(void) {
    for (int i = 0; i < SIDE; i++) {
        float row[SIDE] = { 0 };
        for (int k = 0; k < SIDE; k++)
            for (int j = 0; j < SIDE; j++)
                row[j] += matrix[i][k] * matrix[k][j];
        for (int j = 0; j < SIDE; j++)
            ((volatile float *)product[i])[j] = row[j];
    }
}

int quiet(void) {
    double least = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        double start = now();
        multiply();
        least = fmin(least, now() - start);
    }
    fastest = fmin(fastest, least);
    return least <= fastest * (1 + tolerance);
}

/* Look for an undisturbed moment, which quiet() needs to have seen. */
void calibrate(double agreement, double seconds, double (*clock)(void)) {
    now = clock, tolerance = agreement, fastest = INFINITY;
    for (int i = 0; i < SIDE * SIDE; i++)
        matrix[i / SIDE][i % SIDE] = 1;
    for (double end = now() + seconds; now() < end;)
        quiet();
}
