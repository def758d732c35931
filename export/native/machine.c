/* What this machine is and does now: the keys and sources of worker.py's describe_machine(). */
#include "program.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LENGTH 256

/* Without the white space around it, in place. */
static char *stripped(char *text) {
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = 0;
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* The first line of a file, or NULL. */
static char *first_line(const char *path, char text[LENGTH]) {
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *found = fgets(text, LENGTH, file);
    fclose(file);
    return found ? stripped(text) : NULL;
}

static double number(const char *path) {
    char text[LENGTH], *found = first_line(path, text), *end = found;
    double value = found ? strtod(found, &end) : NAN;
    return end == found ? NAN : value;
}

/* Set `value` to the first of a key's values in /proc/cpuinfo, unless one is there. */
static void keep(char value[LENGTH], const char *wanted, const char *key, const char *found) {
    if (!*value && !strcmp(key, wanted))
        snprintf(value, LENGTH, "%s", found);
}

/* The processor's name; on ARM boards, which give none, the board's or the core's part number. */
static void cpu_name(char name[3 * LENGTH], const char *machine) {
    char line[LENGTH], model[LENGTH] = "", board[LENGTH] = "", hardware[LENGTH] = "", maker[LENGTH] = "", part[LENGTH] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = 0;
        char *key = stripped(line), *value = stripped(colon + 1);
        keep(model, "model name", key, value);
        keep(board, "Model", key, value);
        keep(hardware, "Hardware", key, value);
        keep(maker, "CPU implementer", key, value);
        keep(part, "CPU part", key, value);
    }
    if (file)
        fclose(file);
    if (*part)
        snprintf(name, 3 * LENGTH, "implementer %s part %s", *maker ? maker : "None", part);
    else
        snprintf(name, 3 * LENGTH, "%s", machine);
    const char *better = *model ? model : *board ? board : hardware;
    if (*better)
        snprintf(name, 3 * LENGTH, "%s", better);
}

static void print_number(FILE *to, const char *key, double value) {
    fprintf(to, "\"%s\": ", key);
    json_number(to, value);
}

static void print_text(FILE *to, const char *key, const char *value) {
    fprintf(to, "\"%s\": ", key);
    json_string(to, value);
}

static double at_least_one(long value) { return value < 1 ? NAN : (double)value; }

/* The parts that do not change, in the order in which worker.py hashes them. */
static void print_fixed(FILE *to, const struct utsname *system) {
    char cpu[3 * LENGTH];
    cpu_name(cpu, system->machine);
    print_text(to, "architecture", system->machine);
    fputs(", ", to);
    print_number(to, "cores", at_least_one(sysconf(_SC_NPROCESSORS_ONLN)));
    fputs(", ", to);
    print_text(to, "cpu", cpu);
    fputs(", ", to);
    double bytes = at_least_one(sysconf(_SC_PAGE_SIZE)) * at_least_one(sysconf(_SC_PHYS_PAGES));
    print_number(to, "memory_gib", nearbyint(bytes / (1 << 30)));
}

static void print_conditions(FILE *to) {
    char governor[LENGTH];
    struct statvfs disk;
    fputs("\"conditions\": {", to);
    print_number(to, "load_average", number("/proc/loadavg"));
    fputs(", ", to);
    print_text(to, "governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor));
    fputs(", ", to);
    print_number(to, "frequency_mhz", number("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") / 1e3);
    fputs(", ", to);
    print_number(to, "temperature_c", number("/sys/class/thermal/thermal_zone0/temp") / 1e3);
    fputs(", ", to);
    print_number(to, "free_mib", statvfs(".", &disk) ? NAN : floor((double)disk.f_bavail * (double)disk.f_frsize / (1 << 20)));
    fputs("}", to);
}

void describe_machine(FILE *to) {
    struct utsname system;
    char fixed[4 * LENGTH] = "", hex[65], release[2 * sizeof system.release + 2];
    if (uname(&system))
        memset(&system, 0, sizeof system);
    FILE *text = fmemopen(fixed, sizeof fixed, "w");
    if (text) {
        fputs("{", text);
        print_fixed(text, &system);
        fputs("}", text);
        fclose(text);
    }
    sha256(fixed, hex);
    hex[12] = 0;
    snprintf(release, sizeof release, "%s %s", system.sysname, system.release);
    fputs("{", to);
    print_text(to, "id", hex);
    fputs(", ", to);
    print_fixed(to, &system);
    fputs(", ", to);
    print_text(to, "system", release);
    fputs(", \"python\": null, ", to);
    print_conditions(to);
    fputs("}", to);
}
