"""Converts block latencies published by ProxylessNAS and Once-for-All into reference profiles.

    python -m edgenas.profiles.convert_published --device pixel1 pixel1_proxylessnas.yaml
    python -m edgenas.profiles.convert_published --device note10 note10_ofa_224.yaml note10_ofa_160.yaml

The tables map a block's name to the mean of its latencies in ms, their variance or standard deviation, and their
count. Each name is read as the block that it stands for in this library, so that a space made of these blocks finds
them. A block that is in several tables gets the figures of all its measurements together.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from edgenas.cost.network import Network, Shape, trace
from edgenas.cost.profile import Header
from edgenas.cost.published import Published
from edgenas.errors import UsageError
from edgenas.files import write_text
from edgenas.space.operators import ConvBN, MBConv
from edgenas.space.spaces.ofa import rounded

FIELD = re.compile(r"-(\w+):([0-9x]+)")
SOURCES = {
    "pixel1": {"cpu": "Google Pixel 1, one thread", "runtime": "TensorFlow Lite, its version not published",
               "project": "ProxylessNAS, arXiv:1812.00332, github.com/mit-han-lab/proxylessnas"},
    "note10": {"cpu": "Samsung Galaxy Note 10", "runtime": "not published",
               "project": "Once-for-All, arXiv:1908.09791, github.com/mit-han-lab/once-for-all"},
}


@click.command(epilog="Example: python -m edgenas.profiles.convert_published --device pixel1 pixel1_proxylessnas.yaml")
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", type=click.Choice(sorted(SOURCES)), required=True, help="What the tables are of.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path(__file__).parent, show_default=True,
              help="Where profiles are kept.")
def main(tables: tuple[Path, ...], device: str, folder: Path) -> None:
    """Write the profile of a device from its published tables."""
    path = folder / device / "litert-fp32-1t.jsonl"
    found = list(converted(map(read, tables)))
    write_text(path, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines(device, found)))
    click.echo(f"{path}: {len(found)} blocks")


def read(path: Path) -> dict[str, Published]:
    """A table by its names.

    Raises: UsageError naming what is no latency.
    """
    import yaml
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return {name: Published.from_dict({
            "name": name, "count": row["count"], "mean_ms": row["mean"],
            "std_ms": row["std"] if "std" in row else math.sqrt(row["var"])}) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no table of block latencies: {error!r}") from error


def converted(tables: Iterable[Mapping[str, Published]]) -> Iterable[tuple[Network, Published]]:
    """Every block once, in order of its signature."""
    blocks: dict[str, tuple[Network, Published]] = {}
    for table in tables:
        of_ofa = any("-se:" in name for name in table)
        for name, latency in table.items():
            network = trace(*block(name, of_ofa))
            known = blocks.get(network.signature)
            blocks[network.signature] = (network, latency if known is None else together(known[1], latency))
    return [blocks[signature] for signature in sorted(blocks)]


def block(name: str, of_ofa: bool) -> tuple[nn.Module, Shape]:
    """The module that a name stands for, without data, and its input's shape (channels, height, width).

    Raises: UsageError for a name that stands for none.
    """
    kind, values = name.partition("-")[0], dict(FIELD.findall(name))
    builders = {"Conv": stem, "Conv_1": pointwise, "Conv_2": mix, "AvgPool2D": pool, "Logits": logits,
                "expanded_conv": mbconv}
    try:
        sizes = {side: [int(size) for size in values[side].split("x")] for side in ("input", "output")}
        height, width, inputs = sizes["input"]
        with torch.device("meta"):
            return builders[kind](values, inputs, sizes["output"][-1], of_ofa), (inputs, height, width)
    except (KeyError, ValueError) as error:
        raise UsageError(f"{name!r} is no block of ProxylessNAS or Once-for-All: {error!r}") from error


def stem(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    return ConvBN(inputs, outputs, 3, stride=2, activation="hardswish" if of_ofa else "relu6")


def pointwise(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    return ConvBN(inputs, outputs, activation="hardswish" if of_ofa else "relu6")


def mix(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.Hardswish())


def pool(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    return nn.AdaptiveAvgPool2d(1)


def logits(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    pooling = [] if values["input"].startswith("1x1x") else [nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*pooling, nn.Flatten(), nn.Linear(inputs, outputs))


def mbconv(values: Mapping[str, str], inputs: int, outputs: int, of_ofa: bool) -> nn.Module:
    """`expand` is the hidden channels of Once-for-All, and their ratio to the input's in ProxylessNAS."""
    kernel, stride, expand = (int(values[key]) for key in ("kernel", "stride", "expand"))
    hidden = expand if of_ofa else inputs * expand
    activation = ("hardswish" if values["hs"] == "1" else "relu") if of_ofa else "relu6"
    reduced = rounded(hidden / 4) if values.get("se") == "1" else False
    made = MBConv(inputs, outputs, kernel, hidden // inputs, stride=stride, activation=activation,
                  squeeze_excite=reduced)
    if hidden % inputs or made.residual != (values["idskip"] == "1"):
        raise ValueError("its expansion or residual is none that a block has")
    return made


def together(one: Published, other: Published) -> Published:
    """The figures of all measurements of both."""
    count = one.count + other.count
    mean = (one.count * one.mean_ms + other.count * other.mean_ms) / count
    square = sum(p.count * (p.std_ms**2 + p.mean_ms**2) for p in (one, other)) / count
    return Published(one.name, mean, math.sqrt(max(0.0, square - mean**2)), count)


def lines(device: str, found: Iterable[tuple[Network, Published]]) -> Iterable[dict[str, Any]]:
    source = SOURCES[device]
    yield Header(device=device, runtime="litert", runtime_version=source["runtime"], threads=1, provenance="published",
                 machine={"id": device, "cpu": source["cpu"], "source": source["project"], "statistic": "mean",
                          "licence": "MIT, see LICENSES in the folder of profiles"}).model_dump(mode="json")
    for network, latency in found:
        yield {"kind": "block", "key": network.signature, "measurement": latency.to_dict(),
               "structure": network.to_dict()}


if __name__ == "__main__":
    main()
