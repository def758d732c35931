"""The C sources of a network: its kernels' calls; its signature and the measuring protocol's numbers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from edgenas.export.native.aot import ALIGNMENT, Buffer, Plan
from edgenas.export.package.contents import Sidecar
from edgenas.measure import worker
from edgenas.measure.protocol import DEFAULT

VERSION = "1"
"""Of the program's arguments and of what it prints."""
WEIGHTS = "weights"
"""The file of the weights, in the folder in which the source is compiled."""

CODES = {"int": 0, "uint": 1, "float": 2, "bool": 6}  # DLPack's names of element types
UNUSED = "timeout_s"  # the host's, not the worker's


def native_source(plan: Plan) -> str:
    """net.c, to be compiled with native/kernels.c and linked with the kernels."""
    buffers = {buffer: f"tensor_{index}" for index, buffer in enumerate(_buffers(plan))}
    lines = ['#include "kernels.h"', '#include "program.h"', "", *_storage(plan), ""]
    lines += [f"static const struct tensor {name} = {_tensor(buffer)};" for buffer, name in buffers.items()]
    lines += [f"kernel {_symbol(kernel)};" for kernel in sorted({call.kernel for call in plan.calls})]
    for index, call in enumerate(plan.calls):
        arguments = ", ".join(f"ARGUMENT({buffers[buffer]})" for buffer in call.arguments)
        lines.append(f"static const struct value call_{index}[] = {{ {arguments} }};")
    steps = [f"    {{ {_symbol(call.kernel)}, {len(call.arguments)}, call_{index} }},"
             for index, call in enumerate(plan.calls)]
    lines += ["const struct step net_steps[] = {", *steps, "    { NULL, 0, NULL },", "};",
              f"const size_t net_step_count = {len(plan.calls)};", "",
              f"float *const net_input = (float *){_place(plan.input)};",
              f"const float *const net_output = (const float *){_place(plan.output)};",
              f"const size_t net_input_count = {plan.input.count}, net_output_count = {plan.output.count};"]
    return "\n".join(lines) + "\n"


def _buffers(plan: Plan) -> list[Buffer]:
    return list(dict.fromkeys(buffer for call in plan.calls for buffer in call.arguments))


def _storage(plan: Plan) -> list[str]:
    assembly = (".section .rodata", f".balign {ALIGNMENT}", ".globl net_weights", ".hidden net_weights", "net_weights:",
                f'.incbin "{WEIGHTS}"', ".previous", "")
    return [f"__asm__({json.dumps(chr(10).join(assembly))});",
            'extern const char net_weights[] __attribute__((visibility("hidden")));',
            f"static float net_memory[{plan.memory // 4}] __attribute__((aligned({ALIGNMENT})));"]


def _place(buffer: Buffer) -> str:
    return f"((char *)net_{buffer.place} + {buffer.offset})"


def _tensor(buffer: Buffer) -> str:
    found = re.fullmatch(r"([a-z]+)(\d*)", buffer.dtype)
    if found is None or found[1] not in CODES:
        raise NotImplementedError(f"element type {buffer.dtype} is not supported")
    sizes = ", ".join(map(str, buffer.shape)) or "1"
    return (f"TENSOR({_place(buffer)}, {CODES[found[1]]}, {found[2] or 8}, {len(buffer.shape)}, "
            f"((const int64_t[]){{ {sizes} }}), NULL)")


def _symbol(kernel: str) -> str:
    return f"__tvm_ffi_{kernel}"


def facts_source(sidecar: Sidecar) -> str:
    """What the program of native/main.c says of the network and does by default."""
    signature = json.dumps(sidecar.model_dump(mode="json", include={"inputs", "outputs"}))[1:-1]
    reads = sidecar.reads
    protocol = ", ".join(f".{name} = {value!r}" for name, value in asdict(DEFAULT).items() if name != UNUSED)
    return "\n".join([
        '#include "program.h"', "",
        f"const int net_worker = {worker.SCHEMA};",
        f'const char net_version[] = "{VERSION}";',
        f"const char net_signature[] = {json.dumps(signature)};",
        f"const char net_shape[] = {json.dumps(' x '.join(map(str, sidecar.inputs[0].shape)))};",
        f"const char net_images[] = {json.dumps(json.dumps(reads.kinds if reads else []))};",
        f"const char net_kinds[] = {json.dumps(reads.words if reads else '')};",
        f"const char net_unread[] = {json.dumps(reads.unread if reads else '')};",
        f"const struct protocol net_protocol = {{ {protocol} }};",
    ]) + "\n"
