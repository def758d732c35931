/* How TVM's compiled kernels are called: the parts of its C interface (tvm/ffi/c_api.h, dlpack.h) that they use. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct tensor {
    void *data;
    struct { int32_t type, id; } device;
    int32_t dimensions;
    struct { uint8_t code, bits; uint16_t lanes; } element;
    const int64_t *shape, *strides;
    uint64_t byte_offset;
};

struct value {
    int32_t type;
    uint32_t padding;
    union { const struct tensor *tensor; int64_t bits; } of;
};

typedef int kernel(void *self, const struct value *arguments, int32_t count, struct value *result);

struct step {
    kernel *run;
    int32_t count;
    const struct value *arguments;
};

#define TENSOR(data, code, bits, dimensions, shape, strides) \
    { (void *)(data), { 1, 0 }, dimensions, { code, bits, 1 }, shape, strides, 0 }
#define ARGUMENT(tensor) { 7, 0, { &(tensor) } }

/* What the generated net.c holds. */
extern const struct step net_steps[];
extern const size_t net_step_count;

/* One inference, from net_input to net_output. NULL, or what went wrong. */
const char *run_net(void);

#endif
