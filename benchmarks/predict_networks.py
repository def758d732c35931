"""How well `edgenas predict` tells the latency of networks that are of no space: from single operators alone.

Single operators are measured first, and the space `mobile` at 32×32, whose whole networks calibrate their sum. Then
networks as users write them are exported, measured and predicted. Beside the predictions: a straight line over MACs,
fitted on the profile's whole networks. Interrupt at will, the same command goes on.

    python benchmarks/predict_networks.py --runtime onnxruntime --operators 200 --out runs/predict
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from torch import Tensor, nn

from edgenas.cli.terminal import Terminal
from edgenas.cost.kernels.model import KernelModel
from edgenas.cost.network import Shape, trace
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import measured, open_profile, profile_space
from edgenas.flow.profile_operators import profile_operators
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.space import load_space
from edgenas.space.mobilenet import mobilenet_v2_like
from edgenas.space.operators import ConvBN

SPACE = ("mobile", (3, 32, 32), 10)


class Residual(nn.Module):
    """Two 3×3 convolutions and a shortcut (ResNet, arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvBN(inputs, outputs, 3, stride=stride, activation="relu"),
                                  ConvBN(outputs, outputs, 3, activation=None))
        plain = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if plain else ConvBN(inputs, outputs, 1, stride=stride, activation=None)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.body(x) + self.shortcut(x))
        return out


def resnet(width: int) -> nn.Module:
    widths = [width, width, width, 2 * width, 2 * width, 4 * width, 4 * width]
    blocks = [Residual(a, b, 1 if a == b else 2) for a, b in zip(widths, widths[1:], strict=False)]
    return nn.Sequential(ConvBN(3, width, 3, activation="relu"), *blocks, *classifier(4 * width))


def vgg(width: int) -> nn.Module:
    """Plain 3×3 convolutions and max pooling (VGG, arXiv:1409.1556)."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (width, 2 * width, 4 * width):
        layers += [ConvBN(inputs, outputs, 3), ConvBN(outputs, outputs, 3), nn.MaxPool2d(3, 2, 1)]
        inputs = outputs
    return nn.Sequential(*layers, *classifier(inputs))


def separable(width: int) -> nn.Module:
    """Depthwise separable convolutions (MobileNet, arXiv:1704.04861)."""
    layers: list[nn.Module] = [ConvBN(3, width, 3, stride=2)]
    inputs = width
    for step in range(6):
        outputs = width * 2 ** ((step + 1) // 2)
        layers += [ConvBN(inputs, inputs, 3, stride=1 + step % 2, groups=inputs), ConvBN(inputs, outputs)]
        inputs = outputs
    return nn.Sequential(*layers, *classifier(inputs))


def classifier(inputs: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10)]


def networks() -> dict[str, tuple[nn.Module, Shape]]:
    found: dict[str, tuple[nn.Module, Shape]] = {}
    for side in (32, 64, 96):
        shape = (3, side, side)
        for width in (16, 32):
            found[f"ResNet of width {width} at {side}"] = resnet(width).eval(), shape
            found[f"VGG of width {width} at {side}"] = vgg(width).eval(), shape
            found[f"MobileNet of width {width} at {side}"] = separable(width).eval(), shape
        for factor in (0.5, 1.0):
            found[f"MobileNetV2-like x{factor} at {side}"] = mobilenet_v2_like(shape, 10, factor).eval(), shape
    return found


@click.command()
@click.option("--device", default="host", show_default=True)
@click.option("--runtime", default="onnxruntime", show_default=True)
@click.option("--operators", default=200, show_default=True, help="Single operators to measure.")
@click.option("--out", default="runs/predict", show_default=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(device: str, runtime: str, operators: int, out: Path, as_json: bool) -> None:
    target, modules = load_device(device), networks()
    with Terminal() as terminal:
        profile = open_profile(target, runtime, folder=out)
        profile_operators(target, profile, operators, terminal)
        profile_space(load_space(*SPACE), target, profile, say=terminal.say)
        terminal.start("networks", len(modules))
        times = {}
        for name, measurement in measured(modules, target, profile):
            times[name] = measurement.latency_ms(STATISTICS[0])
            terminal.advance(name)
    model, line = KernelModel.fit(profile, STATISTICS[0]), line_over_macs(profile)
    rows = [row(name, modules[name], ms, model, line) for name, ms in times.items()]
    if as_json:
        click.echo(json.dumps({"networks": rows, "operators": operators}, indent=1))
        return
    for r in rows:
        inside = "" if r["low_ms"] is None else f" [{r['low_ms']:.3f}, {r['high_ms']:.3f}]"
        click.echo(f"{r['name']:>32}: measured {r['measured_ms']:.3f} ms, predicted {r['predicted_ms']:.3f}{inside}, "
                   f"error {r['error']:+.1%}, line over MACs {r['macs_error']:+.1%}")
    for key in ("error", "macs_error"):
        click.echo(f"mean |{key}|: {np.mean([abs(r[key]) for r in rows]):.1%}")


def line_over_macs(profile: Profile) -> tuple[float, float]:
    """Slope and intercept by least squares on relative errors over the profile's whole networks."""
    macs = np.array([float(profile.structures[key].macs) for key in profile.networks])
    ms = np.array([found.measurement.latency_ms(STATISTICS[0]) for found in profile.networks.values()])
    slope, intercept = np.polyfit(macs, ms, 1, w=1 / ms)
    return float(slope), float(intercept)


def row(name: str, given: tuple[nn.Module, Shape], measured_ms: float, model: KernelModel,
        line: tuple[float, float]) -> dict[str, Any]:
    network = trace(*given)
    found = model.predict(network)
    return {"name": name, "measured_ms": measured_ms, "predicted_ms": found.latency_ms, "low_ms": found.low_ms,
            "high_ms": found.high_ms, "error": found.latency_ms / measured_ms - 1,
            "macs_error": (line[0] * network.macs + line[1]) / measured_ms - 1, "never_profiled": list(found.unknown)}


if __name__ == "__main__":
    main()
