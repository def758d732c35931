"""The C header of a network that is a library."""

from __future__ import annotations

import math
import re

from edgenas.export.package.contents import Sidecar, TensorSpec

IMAGES = """
#define EDGENAS_IMAGES 1
/* The input of an image: `height` rows of `width` pixels, each of `channels` bytes: 1 grey, 2 grey and alpha, 3 RGB,
   4 RGBA. Sides of up to 1000000, up to 67108864 pixels. What is transparent is laid on white, the centre is cut out
   and resized, values are normalised. 0, or -1. */
int edgenas_prepare(const unsigned char *pixels, unsigned width, unsigned height, unsigned channels, float *input);

/* The name of a class, UTF-8; NULL if there is no such class. */
const char *edgenas_label(int index);
"""


def library_header(name: str, sidecar: Sidecar, images: bool) -> str:
    """name: of the library's file."""
    (given,), (found,) = sidecar.inputs, sidecar.outputs
    guard = f"EDGENAS_{re.sub('[^A-Z0-9]', '_', name.upper())}"
    return f"""/* {name}: a network, made by edgenas. Link it, with -lm: it needs the C library alone. */
#ifndef {guard}
#define {guard}

#define EDGENAS_INPUTS {_count(given)} /* values of the input, {_form(given)} */
#define EDGENAS_OUTPUTS {_count(found)} /* values of the output, {_form(found)} */

#ifdef __cplusplus
extern "C" {{
#endif

/* One inference. 0, or -1: edgenas_error() says why. One at a time: all callers share its memory. */
int edgenas_run(const float *input, float *output);

/* Why the last call of a function failed. */
const char *edgenas_error(void);
{IMAGES if images else ""}
#ifdef __cplusplus
}}
#endif

#endif
"""


def _count(tensor: TensorSpec) -> int:
    return math.prod(tensor.shape)


def _form(tensor: TensorSpec) -> str:
    return " x ".join(map(str, tensor.shape))
