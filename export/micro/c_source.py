"""An int8 TFLite file as C: a header that says how to use it, and an array that holds it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgenas.export.package.contents import TensorSpec

ALIGNMENT = 16  # bytes: what TensorFlow Lite Micro asks of an arena, and takes of a model
BYTES_A_LINE = 20

HEADER = """\
/* {name}: a network in int8 for TensorFlow Lite for Microcontrollers, exported by edgenas.

   The input is {layout}. A normalised value x is given as
       round(x / {upper}_INPUT_SCALE) + {upper}_INPUT_ZERO_POINT,
   at least -128 and at most 127. An output q stands for
       (q - {upper}_OUTPUT_ZERO_POINT) * {upper}_OUTPUT_SCALE.

   Operators, for a MicroMutableOpResolver: {operators}.
   Arena, in C11: _Alignas({alignment}) static unsigned char arena[{upper}_ARENA_BYTES];
*/

#ifndef {guard}
#define {guard}

#ifdef __cplusplus
extern "C" {{
#endif

/* Bytes of the model, which stays in flash. */
#define {upper}_LENGTH {length}

/* The smallest arena, to {alignment} bytes, in which TensorFlow Lite Micro with its reference kernels runs the model.
   Measured on a 64-bit machine, whose pointers take twice the room; a vendor's kernels may want scratch memory too. */
#define {upper}_ARENA_BYTES {arena}
{tensors}
extern const unsigned char {symbol}[{upper}_LENGTH];

#ifdef __cplusplus
}}
#endif

#endif
"""

SOURCE = """\
/* Exported by edgenas. */

#include "{header}"

#if defined(__cplusplus) && __cplusplus >= 201103L
#define {upper}_ALIGNED alignas({alignment})
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define {upper}_ALIGNED _Alignas({alignment})
#elif defined(__GNUC__)
#define {upper}_ALIGNED __attribute__((aligned({alignment})))
#else
#error "how does this compiler align an array to {alignment} bytes?"
#endif

{upper}_ALIGNED const unsigned char {symbol}[{upper}_LENGTH] = {{
{content}
}};
"""


@dataclass(frozen=True)
class CSource:
    """name: of the files, without a suffix; of what they define, as far as C allows. arena: in bytes."""

    name: str
    content: bytes
    arena: int
    image: TensorSpec
    logits: TensorSpec
    operators: Mapping[str, int]

    @property
    def symbol(self) -> str:
        """E.g. `model_data`; `n_` stands before a digit."""
        plain = re.sub(r"\W", "_", self.name, flags=re.ASCII)
        return f"{'n_' if plain[:1].isdigit() else ''}{plain}_data"

    @property
    def header(self) -> str:
        upper = self._upper
        tensors = "".join(f"\n{line}" for which, spec in (("INPUT", self.image), ("OUTPUT", self.logits))
                          for line in [*macros(f"{upper}_{which}", spec), ""])
        layout = "an image, row by row, the channels of a pixel together" if len(self.image.shape) == 4 else "a vector"
        return HEADER.format(name=self.name, upper=upper, guard=f"EDGENAS_{upper}_H", symbol=self.symbol,
                             length=len(self.content), arena=self.arena, alignment=ALIGNMENT, tensors=tensors,
                             layout=layout, operators=", ".join(sorted(self.operators)))

    @property
    def source(self) -> str:
        lines = (self.content[start:start + BYTES_A_LINE] for start in range(0, len(self.content), BYTES_A_LINE))
        return SOURCE.format(header=f"{self.name}.h", upper=self._upper, symbol=self.symbol, alignment=ALIGNMENT,
                             content=",\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in line)
                                                for line in lines))

    @property
    def _upper(self) -> str:
        return self.symbol.removesuffix("_data").upper()


def macros(prefix: str, spec: TensorSpec) -> list[str]:
    """What a program must know of an input or output, whose values are int8."""
    scale = spec.quantisation
    assert scale is not None  # an int8 file's has one
    return [f"/* {spec.name}: int8, shape {' x '.join(map(str, spec.shape))} */",
            f"#define {prefix}_RANK {len(spec.shape)}",
            f"#define {prefix}_SHAPE {{{', '.join(map(str, spec.shape))}}}",
            f"#define {prefix}_LENGTH {math.prod(spec.shape)}",
            f"#define {prefix}_SCALE {scale.scale!r}f",
            f"#define {prefix}_ZERO_POINT ({scale.zero_point})"]


def array_in(text: str) -> bytes:
    """The bytes of the array in what `CSource.source` gave.

    Raises: ValueError for a text without such an array.
    """
    _, found, rest = text.partition("] = {")
    if not found:
        raise ValueError("there is no array")
    return bytes(int(word, 16) for word in re.findall(r"0x([0-9a-f]{2})\b", rest))
