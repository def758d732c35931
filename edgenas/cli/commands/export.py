"""edgenas export"""

from __future__ import annotations

import click

from edgenas.cli.options import formats_option, run_folder
from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas export runs/p --format onnx --format tflite --format tvm")
@run_folder
@formats_option
@click.option("--target", default="host", show_default=True,
              help="What TVM compiles for: host, aarch64, armv7, riscv64 or x86-64.")
@json_option
def command(folder: str, formats: tuple[str, ...], target: str, as_json: bool) -> None:
    """Export the trained network; every file must compute what PyTorch computes."""
    from edgenas.cli.start import opened
    from edgenas.run.exporting import default_formats, export_phase

    with opened(folder) as (run, terminal):
        manifest = export_phase(run, formats or default_formats(run), terminal, target)
    emit(as_json, {"run": folder, **manifest.model_dump(mode="json")}, lambda: table(
        f"artifacts in {run.artifacts}", ["format", "file", "bytes", "largest difference", "agreement", "sha256"],
        [[a.format, a.path, a.bytes, a.max_abs, f"{a.agreement:.1%}", a.sha256[:12]] for a in manifest.artifacts]))
