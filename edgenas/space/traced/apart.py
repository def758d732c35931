"""Take a network apart, and hold what is found by tracing against numbers before it is believed.

Cut channels must give what the same channels zeroed give, a block that is left out what a branch of zeros gives, and
the whole what the network itself gives, bit for bit. What fails keeps its size, and the reason is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from edgenas.errors import UsageError
from edgenas.space.elastic import Block, Elastic, Frozen
from edgenas.space.traced.channels import Groups, groups_of
from edgenas.space.traced.keeping import Untouched, keeper_of, kept_modules
from edgenas.space.traced.segments import Segment, macs, segments_of, written
from edgenas.space.traced.slicing import module_of, positions, shared_path
from edgenas.space.traced.trace import Traced, line_of, path_of, trace_network
from edgenas.text import one_line

STEPS = 8  # sizes of a group, at most
SLIGHT = 0.03  # share of a block's multiply-accumulates below which a further width in it is not worth cutting
TOLERANCE = 1e-4  # of the largest value, between channels cut and channels zeroed


def take_apart(network: nn.Module, images: Tensor, name: str, keep: Sequence[str] = ()) -> Elastic:
    """What can vary of `network`, which classifies images like `images` (N, C, H, W). keep: patterns of modules that
    are left as they are (keeping.py).

    Raises: UserCodeError naming the line where the forward pass hangs on data; UsageError when nothing can vary, or for
    a pattern that matches nothing.
    """
    kept = kept_modules(keep, (path for path, _ in network.named_modules()), name)
    _check_steady(network, images, name)
    traced = trace_network(network, images, name)
    groups = groups_of(traced)
    _freeze(groups, kept)
    segments, refused = segments_of(traced, groups)
    given = _values(traced, images)
    parts: list[Block | Segment] = []
    names: set[str] = set()
    for segment in segments:
        sizes, failed = _sizes(traced, groups, segment, given)
        refused |= failed
        absent = None if _is_kept(segment, kept) else _absent(traced, segment, given)
        if len(sizes) + (absent is not None) < 2:
            parts.append(segment)
            continue
        parts.append(Block(_name(traced, segment, names), segment, sizes, absent))
    fixed = [Frozen(written(groups, g), groups.size[g], why) for g, why in sorted((groups.frozen | refused).items())
             if g in groups.size and _is_written(groups, g)]
    if not any(isinstance(part, Block) for part in parts):
        why = "; ".join(f"{frozen.layers}: {frozen.why}" for frozen in fixed[:3])
        raise UsageError(f"nothing can vary in {name}{f': {why}' if why else ''}",
                         "edgenas export --from takes it as it is")
    found = Elastic(traced, groups, tuple(parts), tuple(fixed), kept)
    _check_same(found, network, images, name)
    return found


def _freeze(groups: Groups, kept: Untouched) -> None:
    """What a kept layer reads and writes keeps its size."""
    for path, layer in groups.layers.items():
        if pattern := keeper_of(path, kept):
            groups.frozen |= {span.group: f"kept by you: --keep {pattern}" for span in (*layer.reads, *layer.writes)}


def _is_kept(segment: Segment, kept: Untouched) -> bool:
    """Whether a kept layer would go with a block that goes."""
    return any(keeper_of(path_of(node), kept) for node in segment.nodes if node.op in ("call_module", "get_attr"))


def _check_steady(network: nn.Module, images: Tensor, name: str) -> None:
    """Raises: UsageError for a network that gives one image two different outputs."""
    with torch.no_grad():
        if not torch.equal(network(images.clone()), network(images.clone())):
            raise UsageError(f"{name} gives two passes of the same image different outputs: something in it is random, "
                             "or remembers", "dropout by function must be told training=self.training")


def _check_same(found: Elastic, network: nn.Module, images: Tensor, name: str) -> None:
    """Raises: UsageError unless the whole network, taken apart, gives the network's own outputs bit for bit."""
    rebuilt = found.build({block.name: block.candidates[0] for block in found.blocks}).eval()
    with torch.no_grad():
        if not torch.equal(network(images.clone()), rebuilt(images.clone())):
            raise UsageError(f"{name}, taken apart, gives other outputs than as it is: something in it is not computed "
                             "from the image alone", "edgenas export --from takes it as it is")


def steps_of(channels: int) -> list[int]:
    """The sizes of a group of so many channels, largest first: about eighths of it, in multiples of 16 where it is wide
    and of 8 or 4 where it is not. Other widths run slower than larger ones (docs/own-network.md)."""
    unit = 16 if channels >= 128 else 8 if channels >= 64 else 4
    found = {max(unit, round(channels * step / STEPS / unit) * unit) for step in range(1, STEPS)}
    return [channels, *sorted((size for size in found if size < channels), reverse=True)]


def _sizes(traced: Traced, groups: Groups, segment: Segment,
           given: Mapping[fx.Node, Tensor]) -> tuple[dict[str, dict[int, int]], dict[int, str]]:
    """Candidate -> what it keeps of each group; the widest names it, the others keep the same share. And why groups
    cannot be cut after all."""
    costs = {g: sum(macs(traced, n) for n in groups.touched[g] if n in segment.nodes) for g in segment.groups}
    total = sum(macs(traced, n) for n in segment.nodes)
    refused = {g: "its layers compute too little to be worth cutting" for g in costs if costs[g] < SLIGHT * total}
    for group in [g for g in costs if g not in refused]:
        if why := _differs(traced, groups, segment, group, given):
            refused[group] = why
    chosen = [g for g in segment.groups if g not in refused]
    if not chosen:
        return {"whole": {}}, refused
    widest = max(chosen, key=lambda g: (groups.size[g], -g))
    found: dict[str, dict[int, int]] = {}
    for size in steps_of(groups.size[widest]):
        share = size / groups.size[widest]
        found[f"w{size}"] = {g: _nearest(steps_of(groups.size[g]), share * groups.size[g]) for g in chosen}
    return found, refused


def _nearest(sizes: list[int], wanted: float) -> int:
    return min(sizes, key=lambda size: abs(size - wanted))


def _differs(traced: Traced, groups: Groups, segment: Segment, group: int, given: Mapping[fx.Node, Tensor]) -> str:
    """What is wrong with cutting a group: a text if its channels cut are not the same as its channels zeroed."""
    generator = torch.Generator().manual_seed(group)
    size = groups.size[group]
    kept = torch.randperm(size, generator=generator)[:math.ceil(size / 2)].sort().values
    x = given[segment.start]
    try:
        with torch.no_grad():
            cut = module_of(traced, groups.layers, segment, {group: kept}).eval()(x)
            zeroed = _zeroed(traced, groups, segment, group, kept)(x)
    except Exception as error:  # what the user's own code makes of fewer channels may raise anything
        return f"cut, it fails: {one_line(str(error))[:120]}{_line(segment)}"
    if cut.shape != zeroed.shape or not torch.allclose(cut, zeroed, rtol=0, atol=TOLERANCE * float(zeroed.abs().max())):
        return f"cut, it computes something else than with the same channels zeroed{_line(segment)}"
    return ""


def _zeroed(traced: Traced, groups: Groups, segment: Segment, group: int, kept: Tensor) -> nn.Module:
    """The whole segment, in which what reads a group reads nothing of the channels that are not kept."""
    whole = module_of(traced, groups.layers, segment, {}).eval()
    shared = shared_path([path_of(node) for node in segment.nodes if node.op in ("call_module", "get_attr")])
    for path in dict.fromkeys(segment.layers):
        layer = groups.layers.get(path)
        if layer is None or layer.kind not in ("conv", "linear"):
            continue
        dropped = torch.ones(sum(span.count * span.repeat for span in layer.reads), dtype=torch.bool)
        dropped[positions(layer.reads, {group: kept})] = False
        weight = whole.get_parameter(f"{path.removeprefix(shared)}.weight")
        with torch.no_grad():
            weight[:, dropped] = 0.0
    return whole


def _absent(traced: Traced, segment: Segment, given: Mapping[fx.Node, Tensor]) -> nn.Module | None:
    """What is left of a residual block without its branch: nothing, or the activation after its sum."""
    if segment.skip is None:
        return None
    x = given[segment.start]
    tail = nn.Sequential(*(traced.module(node) or nn.Identity() for node in segment.tail)).eval()
    with torch.no_grad():
        return nn.Identity() if torch.equal(tail(x.clone()), x) else tail


def _values(traced: Traced, images: Tensor) -> dict[fx.Node, Tensor]:
    """What every node gives for some images."""
    graph: fx.Graph = traced.image.graph
    module = graph.owning_module
    assert module is not None
    found: dict[fx.Node, Tensor] = {}

    class Keeping(fx.Interpreter):
        def run_node(self, n: fx.Node) -> object:
            value = super().run_node(n)
            if isinstance(value, Tensor):
                found[n] = value.clone()
            return value

    with torch.no_grad():
        Keeping(module, garbage_collect_values=False).run(images)
    return found


def _name(traced: Traced, segment: Segment, names: set[str]) -> str:
    """By the user's own: the module that is all of the segment, or else its first layer; distinct."""
    paths = segment.layers or ["block"]
    shared = shared_path(paths)
    others = [path_of(node) for node in traced.nodes if node.op == "call_module" and node not in segment.nodes]
    name = shared[:-1] if shared and not any(path.startswith(shared) for path in others) else paths[0]
    unique = name
    for number in range(2, len(names) + 3):
        if unique not in names:
            break
        unique = f"{name}_{number}"
    names.add(unique)
    return unique


def _line(segment: Segment) -> str:
    lines = [line for node in segment.nodes if (line := line_of(node))]
    return f" ({lines[0]})" if lines else ""


def _is_written(groups: Groups, group: int) -> bool:
    return any(span.group == group for layer in groups.layers.values() if layer.kind in ("conv", "linear")
               for span in layer.writes)
