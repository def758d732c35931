"""Programs that stand in for what a device would run."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

# The command line of an exported program; MODE is what one of MODES does instead.
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    if (count < 3 || strcmp(words[1], "--bench"))
        return 2;
    FILE *note = fopen("told", "a");
    for (int i = 1; i < count; i++)
        fprintf(note, "%s%s", words[i], i + 1 < count ? " " : "\n");
    fclose(note);
    MODE
    printf("{\"id\": \"%s\", \"latency\": {\"min_ms\": 1, \"median_of_minima_ms\": 1, \"p50_ms\": 1, \"p90_ms\": 2, "
           "\"mad_ms\": 0, \"spread\": 0, \"rounds\": 3, \"runs\": 60, \"agreed\": true}}\n", words[2]);
    return 0;
}
"""
MODES = {"sound": "", "crash": "*(volatile int *)0 = 1;", "babble": 'puts("{\\"id\\":"); return 0;',
         "refuse": 'fputs("no such thing\\n", stderr); return 2;',
         "error": 'printf("{\\"id\\": \\"%s\\", \\"error\\": \\"MemoryError: no memory\\"}\\n", words[2]); return 0;',
         "nan": 'printf("{\\"id\\": \\"%s\\", \\"latency\\": {\\"min_ms\\": NaN}}\\n", words[2]); return 0;'}


def program(folder: Path, mode: str = "sound", compiler: str = "gcc") -> Path:
    """A statically linked one; it adds its arguments to the file `told` where it runs."""
    path = folder / f"{mode}.bin"
    (folder / "program.c").write_text(PROGRAM.replace("MODE", MODES[mode]))
    subprocess.run([compiler, "-static", "-w", "-o", path, folder / "program.c"], check=True)
    return path


# Prints what TensorFlow 2.8 does; the n-th run's inferences take $BASE_US plus 0, 6 and 3 us, and n % 3 more.
BENCHMARK_MODEL = r"""#!/bin/sh
echo "$@" >>FOLDER/told
for word in "$@"; do
    case $word in
        --num_runs=*) count=${word#*=} ;;
        --enable_op_profiling=true) profiled=1 ;;
        --graph=*broken*) echo "ERROR: Could not open '$word'."; exit 1 ;;
    esac
done
first=$((BASE_US + $(wc -l <FOLDER/told) % 3))
figures="count=$count first=$first curr=$((first + 3)) min=$first max=$((first + 6)) avg=$((first + 3)) std=2"
echo "STARTING!"
echo "Loaded model"
echo "count=9 first=9000 curr=800 min=700 max=9000 avg=1700 std=100"
echo
echo "$figures"
echo
echo "Inference timings in us: Init: 17187, First inference: 9000, Warmup (avg): 1700, Inference (avg): $((first + 3))"
[ "$profiled" ] && cat FOLDER/table.txt
exit 0
"""


def benchmark_model(folder: Path, base_us: int, table: Path) -> Path:
    """One that adds its arguments to `folder/told`. table: the real program's output, for its table of operators."""
    text = table.read_text()
    (folder / "table.txt").write_text(text[text.index("Operator-wise"):])
    path = folder / "benchmark_model"
    path.write_text(BENCHMARK_MODEL.replace("BASE_US", str(base_us)).replace("FOLDER", str(folder)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
