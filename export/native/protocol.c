#include "program.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 9007199254740992.0 /* 2^53: whole numbers up to it are exact */

#define FIELD(name, whole, least) { #name, offsetof(struct protocol, name), whole, least },
static const struct { const char *name; size_t place; int whole; double least; } fields[] = { PROTOCOL(FIELD) };
#undef FIELD

int set_protocol(struct protocol *protocol, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    size_t length = equals ? (size_t)(equals - assignment) : 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strlen(fields[i].name) != length || strncmp(fields[i].name, assignment, length))
            continue;
        char *end;
        double value = strtod(equals + 1, &end);
        if (end == equals + 1 || *end || !(value >= fields[i].least && value <= LARGEST)
            || (fields[i].whole && value != floor(value))) {
            fprintf(stderr, "%s of the measuring protocol is '%s'; it must be a %snumber from %g to %g\n",
                    fields[i].name, equals + 1, fields[i].whole ? "whole " : "", fields[i].least, LARGEST);
            return -1;
        }
        *(double *)((char *)protocol + fields[i].place) = value;
        return 0;
    }
    fprintf(stderr, "'%s' is no NAME=VALUE of the measuring protocol; known names:", assignment);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        fprintf(stderr, " %s", fields[i].name);
    fputc('\n', stderr);
    return -1;
}

int check_protocol(const struct protocol *protocol) {
    if (protocol->max_rounds >= protocol->rounds)
        return 0;
    fprintf(stderr, "max_rounds of the measuring protocol is %g; it must be at least rounds, which is %g\n",
            protocol->max_rounds, protocol->rounds);
    return -1;
}
