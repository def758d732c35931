/* Runs the network's kernels one after another, and gives them what they ask of TVM's runtime. */
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>

#define BLOCKS 16
#define ALIGNMENT 64

static char message[400];

const char *run_net(void) {
    struct value result = { 0, 0, { NULL } };
    for (size_t i = 0; i < net_step_count; i++)
        if (net_steps[i].run(NULL, net_steps[i].arguments, net_steps[i].count, &result))
            return message;
    return NULL;
}

void TVMFFIErrorSetRaisedFromCStrParts(const char *kind, const char **parts, int32_t count) {
    size_t length = (size_t)snprintf(message, sizeof message, "%s: ", kind);
    for (int32_t i = 0; i < count && length < sizeof message; i++)
        if (parts[i])
            length += (size_t)snprintf(message + length, sizeof message - length, "%s", parts[i]);
}

void TVMFFIErrorSetRaisedFromCStr(const char *kind, const char *text) {
    TVMFFIErrorSetRaisedFromCStrParts(kind, &text, 1);
}

/* Memory that a kernel needs while it runs. Blocks are kept for the next run: pages touched for the first time are slow. */
static struct { void *memory; uint64_t bytes; int used; } blocks[BLOCKS];

static void *allocate(int device, int id, uint64_t bytes, int code, int bits) {
    (void)device, (void)id, (void)code, (void)bits;
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].used || (blocks[i].memory && blocks[i].bytes < bytes))
            continue;
        if (!blocks[i].memory && (bytes > SIZE_MAX || posix_memalign(&blocks[i].memory, ALIGNMENT, (size_t)bytes))) {
            blocks[i].memory = NULL;
            break;
        }
        if (blocks[i].bytes < bytes)
            blocks[i].bytes = bytes;
        blocks[i].used = 1;
        return blocks[i].memory;
    }
    snprintf(message, sizeof message, "MemoryError: no %llu bytes for a kernel", (unsigned long long)bytes);
    return NULL;
}

static int release(int device, int id, void *memory) {
    (void)device, (void)id;
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i].memory == memory)
            blocks[i].used = 0;
    return 0;
}

/* One thread: the tasks that TVM would give to several are one. */
struct group { void *synchronise; int32_t tasks; };
typedef int task(int index, struct group *group, void *data);

static int launch(task *run, void *data, int tasks) {
    struct group group = { NULL, 1 };
    (void)tasks;
    return run(0, &group, data);
}

static int barrier(int index, struct group *group) {
    (void)index, (void)group;
    return 0;
}

/* The kernels' object holds these pointers too, empty and weak: a loader would set them. */
void *(*__TVMBackendAllocWorkspace)(int, int, uint64_t, int, int) = allocate;
int (*__TVMBackendFreeWorkspace)(int, int, void *) = release;
int (*__TVMBackendParallelLaunch)(task *, void *, int) = launch;
int (*__TVMBackendParallelBarrier)(int, struct group *) = barrier;
