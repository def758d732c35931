from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgenas.export.micro.c_source import CSource, array_in
from edgenas.export.package.contents import TensorSpec
from edgenas.export.quantise.scale import Scale

IMAGE = TensorSpec(name="image", shape=(1, 4, 5, 3), dtype="int8", quantisation=Scale(scale=0.1, zero_point=-3))
LOGITS = TensorSpec(name="logits", shape=(1, 10), dtype="int8", quantisation=Scale(scale=1e-9, zero_point=7))
CONTENT = bytes(range(256)) + b"\x00"

PROGRAM = """
#include <stdint.h>
#include <stdio.h>
#include "{name}.h"
int main(void) {{
  static const int shape[] = {upper}_INPUT_SHAPE;
  int sum = 0;
  for (unsigned i = 0; i < {upper}_LENGTH; i++) sum += {symbol}[i];
  printf("%d %d %d %d %d %d %g %d %d", sum, (int)((uintptr_t){symbol} % 16), {upper}_ARENA_BYTES, shape[1],
         {upper}_INPUT_LENGTH, {upper}_INPUT_ZERO_POINT, {upper}_OUTPUT_SCALE, {upper}_OUTPUT_RANK,
         (int)sizeof {symbol});
  return 0;
}}
"""


def written(folder: Path, name: str = "model.int8") -> CSource:
    made = CSource(name, CONTENT, 1024, IMAGE, LOGITS, {"CONV_2D": 3, "ADD": 1})
    (folder / f"{name}.c").write_text(made.source)
    (folder / f"{name}.h").write_text(made.header)
    return made


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("gcc", "-std=c11"), ("g++", "-std=c++11", "-x", "c++")])
@pytest.mark.parametrize(("name", "symbol"), [("model.int8", "model_int8_data"), ("3 nets", "n_3_nets_data")])
def test_it_compiles_without_a_warning_and_says_what_it_was_given(tmp_path, compiler, name, symbol):
    made = written(tmp_path, name)
    assert made.symbol == symbol
    (tmp_path / "main.c").write_text(PROGRAM.format(name=name, symbol=symbol, upper=symbol[:-5].upper()))
    done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", "main.c", f"{name}.c", "-o", "main"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    ran = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{sum(CONTENT)} 0 1024 4 60 -3 1e-09 2 257"


def test_the_header_may_be_included_twice_and_names_the_operators(tmp_path):
    made = written(tmp_path)
    (tmp_path / "twice.c").write_text('#include "model.int8.h"\n' * 2)
    subprocess.run(["gcc", "-std=c99", "-Werror", "-c", "twice.c"], cwd=tmp_path, check=True)
    assert "ADD, CONV_2D." in made.header
    assert max(map(len, made.header.splitlines())) <= 120


def test_the_array_can_be_read_back():
    assert array_in(CSource("net", CONTENT, 16, IMAGE, LOGITS, {}).source) == CONTENT
    with pytest.raises(ValueError, match="no array"):
        array_in("int x;")
