"""What TensorFlow Lite's benchmark_model prints, as figures.

Its formats are those of tensorflow/lite/tools/benchmark and of tsl's StatsCalculator, from 2.4 to 2.20: with `INFO: `
before a line or not, with the percentiles `p5 median p95` or not, with a column `[start]` or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgenas.errors import DeviceError
from edgenas.text import quoted

WHOLE = r"(\d{1,15})"
NUMBER = r"(\d{1,15}(?:\.\d{1,15})?(?:e\+?\d\d?)?)"
SAME = re.compile(rf"count={WHOLE} curr={WHOLE}(?:\(all same\))?(?: p5=.*)?$")
DIFFERENT = re.compile(rf"count={WHOLE} first={WHOLE} curr={WHOLE} min={WHOLE} max={WHOLE} avg={NUMBER} std=(\d+)"
                       r"(?: p5=\d+ median=\d+ p95=\d+)?$")
TIMINGS = re.compile(rf"Inference timings in us: Init: \d+, First inference: \d+, Warmup \(avg\): {NUMBER}, "
                     rf"Inference \(avg\): {NUMBER}$")
TABLE = "Operator-wise Profiling Info for Regular Benchmark Runs:"
RUN_ORDER = re.compile(r"=+ Run Order =+")
COLUMNS = ["[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]"]
PRECISION = 1e-5
"""Relative, of its averages: they have six digits."""
ROW = 4000
"""Characters of a row of its table, ..."""
ROWS = 100_000
"""... and rows, at most."""
LARGEST = 1e9
"""Milliseconds, or calls, in one: more is garbage."""


@dataclass(frozen=True)
class Inferences:
    """Microseconds, of `count` inferences in a row."""

    count: int
    first_us: int
    last_us: int
    min_us: int
    max_us: int
    avg_us: float

    def singles(self) -> list[int]:
        """Each of three, in microseconds: the second is what is missing from their sum.

        Raises: DeviceError if the figures contradict each other.
        """
        low, high = sorted((self.first_us, self.last_us))
        if self.min_us < low:
            second = self.min_us
        elif self.max_us > high:
            second = self.max_us
        else:
            second = min(max(round(3 * self.avg_us) - low - high, low), high)
        found = [self.first_us, second, self.last_us]
        close = abs(sum(found) / 3 - self.avg_us) <= 1 + PRECISION * self.avg_us
        if self.count != 3 or not close or (min(found), max(found)) != (self.min_us, self.max_us):
            raise DeviceError(f"benchmark_model's figures of three inferences contradict each other: {self}")
        return found


@dataclass(frozen=True)
class Operator:
    """One row of the operators' table, in the order in which they run. avg_ms: of one call."""

    kind: str
    first_ms: float
    avg_ms: float
    share: float
    times_called: int
    name: str


def inferences(text: str) -> Inferences:
    """Those that were timed, which come after the warm-up.

    Raises: DeviceError showing the line that is of an unknown format.
    """
    lines = [line for line in text.splitlines() if "count=" in line and "Timings (microseconds)" not in line
             and "Memory (bytes)" not in line]
    timings = [line for line in text.splitlines() if "Inference timings in us" in line]
    if len(lines) != 2 or len(timings) != 1:
        raise _unknown(text.strip().splitlines()[-1] if text.strip() else "", "two lines 'count=…' and one line "
                       "'Inference timings in us: …' were expected")
    summary = TIMINGS.search(timings[0].rstrip())
    if summary is None:
        raise _unknown(timings[0], "it is not as any known version writes it")
    found = _statistics(lines[1])
    if abs(found.avg_us - float(summary[2])) > 2 * PRECISION * found.avg_us:
        raise _unknown(timings[0], f"its average is not that of {lines[1].strip()!r}")
    return found


def _statistics(line: str) -> Inferences:
    text = line[line.index("count="):].rstrip()
    if found := SAME.match(text):
        count, value = int(found[1]), int(found[2])
        return Inferences(count, value, value, value, value, float(value))
    if found := DIFFERENT.match(text):
        count, first, last, least, most = (int(found[index]) for index in range(1, 6))
        return Inferences(count, first, last, least, most, float(found[6]))
    raise _unknown(line, "it is not as any known version writes it")


def operators(text: str) -> list[Operator]:
    """The operators of a run with --enable_op_profiling=true, in the order in which they run.

    Raises: DeviceError showing the line that is of an unknown format.
    """
    lines = iter(text.splitlines())
    if not any(TABLE in line for line in lines) or not any(RUN_ORDER.search(line) for line in lines):
        raise _unknown("", f"there is no table after {TABLE!r}")
    names = _cells(next(lines, ""), len(COLUMNS) + 1)
    if [name for name in names if name != "[start]"] != COLUMNS:
        raise _unknown(" ".join(names), f"the columns {' '.join(COLUMNS)} were expected")
    rows: list[Operator] = []
    for line in lines:
        if not line.strip():
            break
        if len(rows) >= ROWS:
            raise _unknown(line, f"the operators' table has more than {ROWS} rows")
        rows.append(_operator(line, names))
    return rows


def _operator(line: str, names: list[str]) -> Operator:
    cells = dict(zip(names, _cells(line, len(names)), strict=False))
    try:
        first_ms, avg_ms, calls = (_figure(cells[name]) for name in ("[first]", "[avg ms]", "[times called]"))
        return Operator(cells["[node type]"], first_ms, avg_ms, float(cells["[%]"].removesuffix("%")) / 100, int(calls),
                        cells["[Name]"])
    except (KeyError, ValueError) as error:
        raise _unknown(line, "it is no row of the operators' table") from error


def _figure(text: str) -> float:
    """Raises: ValueError for what is no number from 0 to LARGEST."""
    number = float(text)
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is out of range")
    return number


def _cells(line: str, count: int) -> list[str]:
    """Tabs, or two spaces and more, stand between columns; a name may contain them."""
    if len(line) > ROW:
        raise _unknown(line, f"a row of the operators' table has more than {ROW} characters")
    return re.split(r"\s*\t\s*|\s{2,}", line.strip(), maxsplit=count - 1)


def _unknown(line: str, rule: str) -> DeviceError:
    shown = f" at {quoted(line.strip())}" if line else ""
    return DeviceError(f"benchmark_model's output is of an unknown format{shown}: {rule}",
                       "use a benchmark_model of TensorFlow Lite 2.4 or later, or the runtime binary")
