#include "program.h"

#include <math.h>
#include <stdlib.h>

void json_string(FILE *to, const char *text) {
    if (!text) {
        fputs("null", to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc(*text >= ' ' && *text <= '~' ? *text : '?', to);
    }
    fputc('"', to);
}

void json_text(FILE *to, const char *text) {
    fputc('"', to);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < ' ' || byte == '"' || byte == '\\')
            fprintf(to, "\\u%04x", byte);
        else
            fputc(byte, to);
    }
    fputc('"', to);
}

/* A program that never calls setlocale() writes and reads numbers with a point. */
void json_number(FILE *to, double number) {
    char text[40];
    if (!isfinite(number)) {
        fputs("null", to);
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    fputs(text, to);
}
