"""edgenas export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgenas.cli.foreign import check_origin, export_own, foreign_options
from edgenas.cli.options import formats_option, max_drop_option, trust_option, tune_options
from edgenas.cli.output import emit, json_option, say, table

if TYPE_CHECKING:
    from edgenas.export.package.manifest import Manifest
    from edgenas.measure.runtime import Precision


@click.command(epilog="Example: edgenas export runs/p --format onnx --format tflite --precision int8 --max-drop 0.5\n\n"
                      "Example: edgenas export runs/p --format ethosu --target ethos-u55-128\n\n"
                      "Example: edgenas export runs/p --format tvm --tune 10\n\n"
                      "Example: edgenas export --from net.py:build --weights w.safetensors --data ./photos --out out")
@click.argument("folder", metavar="[RUN]", required=False, type=click.Path())
@formats_option
@click.option("--precision", type=click.Choice(["fp32", "int8", "mixed"]),
              help="What the files compute in; the run's own by default, or what the format has.")
@max_drop_option
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
              help="Set how it is trained for int8: qat.epochs=20, qat.lr=0.01, qat.batch_size or qat.distill.")
@click.option("--target", default="host", show_default=True,
              help="What tvm, binary and library are compiled for: host, aarch64, armv7, riscv64 or x86-64; for ethosu "
                   "a device with an Ethos-U, by default the run's.")
@click.option("--cpu", help="Which processor of that target, as LLVM calls it (cortex-a72): faster there, and it may "
                            "not run on others.")
@tune_options
@click.option("--bundle", type=click.Path(path_type=Path), metavar="FILE.zip",
              help="Pack what is exported, with labels, preprocessing, examples that run it and a README, into a file "
                   "to give away, e.g. --bundle photos.zip. Without --format nothing is exported anew.")
@trust_option
@foreign_options
@json_option
def command(folder: str | None, formats: tuple[str, ...], precision: Precision | None, max_drop: float,
            assignments: tuple[str, ...], target: str, cpu: str | None, tune: float | None,
            tune_database: Path | None, bundle: Path | None, trust: bool, as_json: bool,
            **request: Any) -> int:
    """Export the trained network; every file must compute what PyTorch computes, or nearly so in int8.

    With --from it is a network of your own, whose files are also measured. Exit code 4 when a format cannot hold it.
    """
    from edgenas.cli.start import opened
    from edgenas.export.check.doubts import doubts
    from edgenas.export.package.bundle import check_name, write_bundle
    from edgenas.export.tvm.target import with_cpu
    from edgenas.flow.configure import qat_of
    from edgenas.flow.export import Asked, default_formats, export_phase, is_exported
    from edgenas.flow.tuning import Tune, check_tune
    from edgenas.train.settings import QatSettings

    check_origin(folder, request)
    if bundle:
        check_name(bundle)
    tuning = None if tune is None else Tune(tune, tune_database)
    if request["origin"]:
        own = Asked(precision, max_drop, qat_of(QatSettings(), assignments), with_cpu(target, cpu), tuning)
        return export_own(request, formats, own, bundle, as_json)
    assert folder is not None
    with opened(folder, trust) as (work, terminal):
        run = work.run
        asked = Asked(precision, max_drop, qat_of(run.config.qat, assignments), with_cpu(target, cpu), tuning)
        check_tune(tuning, formats or default_formats(run), asked.target, precision)
        if bundle and not formats and precision is None and tuning is None and is_exported(run, []):
            manifest = write_bundle(run.artifacts, bundle)
        else:
            manifest = export_phase(work.product(), formats or default_formats(run), terminal, asked)
            if bundle:
                write_bundle(run.artifacts, bundle)
    said = {a.path: found for a in manifest.artifacts if (found := doubts(a))}
    packed = {"bundle": str(bundle)} if bundle else {}
    document = {"run": folder, "warnings": said, **manifest.model_dump(mode="json"), **packed}
    emit(as_json, document, lambda: show(manifest, run.artifacts, bundle))
    return 0


def show(manifest: Manifest, folder: Path, bundle: Path | None) -> None:
    from edgenas.export.check.findings import described

    table(f"artifacts in {folder}",
          ["format", "precision", "file", "bytes", "largest difference", "agreement", "in the file", "sha256"],
          [[a.format, a.precision, a.path, a.bytes, a.max_abs, f"{a.agreement:.1%}", described(a.gates), a.sha256[:12]]
           for a in manifest.artifacts])
    if bundle:
        say(f"wrote {bundle}")
