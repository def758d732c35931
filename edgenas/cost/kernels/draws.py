"""What draws single operators at random: modules of one operator, and the shapes that they take."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from edgenas.cost.kernels.modules import Part, Permuted, Plus, Product, Times, Twice
from edgenas.cost.kernels.sizes import Sizes
from edgenas.cost.network import Shape

Drawn = tuple[nn.Module, Shape]
Draw = Callable[[Sizes], Drawn]


OF_IMAGES = 0.25
"""Share of convolutions that take an image."""


def _activated(sizes: Sizes, layer: nn.Module) -> nn.Module:
    activation = (None, nn.ReLU, nn.ReLU6, nn.Hardswish)[sizes.generator.integers(4)]
    return layer if activation is None else nn.Sequential(layer, activation())


def _pointwise(sizes: Sizes) -> Drawn:
    shape = sizes.map()
    return _activated(sizes, nn.Conv2d(shape[0], sizes.channels("outputs"), 1, sizes.centre.get("stride", 1))), shape


def _convolution(sizes: Sizes) -> Drawn:
    shape = sizes.map(512, 3, 224)
    if not (sizes.shape or sizes.centre) and sizes.generator.random() < OF_IMAGES:
        shape = (3, *shape[1:])
    kernel, stride = sizes.pick("kernel", (3, 3, 5, 7)), sizes.pick("stride", (1, 2))
    layer = nn.Conv2d(shape[0], sizes.channels("outputs", 512), kernel, stride, kernel // 2)
    return _activated(sizes, layer), shape


def _depthwise(sizes: Sizes) -> Drawn:
    shape = sizes.map(least=2)
    kernel, stride = sizes.pick("kernel", (3, 5, 7)), sizes.pick("stride", (1, 2))
    return _activated(sizes, nn.Conv2d(shape[0], shape[0], kernel, stride, kernel // 2, groups=shape[0])), shape


def _grouped(sizes: Sizes) -> Drawn:
    groups, shape = sizes.pick("groups", (2, 4, 8)), sizes.map(512, 3)
    inputs = shape[0] if sizes.shape else groups * max(2, shape[0] // groups)
    groups = groups if inputs % groups == 0 and inputs > groups else 1
    outputs = groups * max(2, sizes.channels("outputs", 512) // groups)
    kernel, stride = sizes.pick("kernel", (3,)), sizes.pick("stride", (1, 2))
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
    return _activated(sizes, layer), (inputs, *shape[1:])


def _linear(sizes: Sizes) -> Drawn:
    shape = sizes.shape or (sizes.channels(),)
    return nn.Linear(shape[-1], sizes.number("outputs", 2, 1280)), shape


def _linear_of_rows(sizes: Sizes) -> Drawn:
    shape = sizes.rows()
    return nn.Linear(shape[-1], sizes.channels("outputs")), shape


def _series(sizes: Sizes) -> Drawn:
    """A convolution along a series of (channels, steps)."""
    given = sizes.shape or (sizes.channels("inputs", 512), sizes.number("rows", 16, 4096))
    kernel, stride = sizes.pick("kernel", (1, 3, 3, 5, 7, 9)), sizes.pick("stride", (1, 1, 2))
    layer = nn.Conv1d(given[0], sizes.channels("outputs", 512), kernel, stride, kernel // 2)
    return (nn.Sequential(layer, nn.ReLU()) if sizes.generator.random() < 0.5 else layer), given


def _transposed(sizes: Sizes) -> Drawn:
    shape = sizes.map(256, 2, 64)
    kernel, stride = sizes.pick("kernel", (2, 3, 4)), sizes.pick("stride", (2,))
    layer = nn.ConvTranspose2d(shape[0], sizes.channels("outputs", 256), kernel, stride, (kernel - 1) // 2)
    return layer, shape


def _product(sizes: Sizes) -> Drawn:
    heads, rows, inner = (sizes.number("heads", 1, 16), sizes.number("rows", 8, 512), sizes.number("inner", 8, 128))
    return Product(heads, rows, inner), (heads, rows, inner)


def _softmax(sizes: Sizes) -> Drawn:
    if sizes.shape:
        return nn.Softmax(-1), sizes.shape
    rows = sizes.number("rows", 8, 512)
    return nn.Softmax(-1), (sizes.number("heads", 1, 16), rows, sizes.centre.get("length", rows))


def _normalised(sizes: Sizes) -> Drawn:
    shape = sizes.rows()
    return nn.LayerNorm(shape[-1]), shape


def _permuted(sizes: Sizes) -> Drawn:
    """Rows to columns, heads out of or into rows, or blocks of channels beside one another."""
    if sizes.shape or sizes.generator.random() < 0.5:
        return Permuted(0, 2, 1), sizes.rows(512)
    rows, length = sizes.rows(512)
    return Permuted(0, 2, 1, 3), (rows, sizes.pick("heads", (2, 4, 8)), max(1, length // 4))


def _plus(sizes: Sizes) -> Drawn:
    shape = sizes.map()
    return Plus(shape), shape


def _times(sizes: Sizes) -> Drawn:
    shape = sizes.map()
    return Times((shape[0], *(1 for _ in shape[1:]))), shape


def _twice(sizes: Sizes) -> Drawn:
    return Twice(), sizes.map(640)


def _part(sizes: Sizes) -> Drawn:
    shape = sizes.map(least=1)
    return Part(max(1, shape[0] // 2)), shape


def _window(pool: Callable[[int, int, int], nn.Module]) -> Draw:
    def draw(sizes: Sizes) -> Drawn:
        kernel = sizes.pick("kernel", (3,))
        return pool(kernel, sizes.pick("stride", (1, 2)), kernel // 2), sizes.map(least=kernel)
    return draw


def _resized(mode: str) -> Draw:
    return lambda sizes: (nn.Upsample(scale_factor=2, mode=mode), sizes.map(320, 2, 64))


def _layer(*makes: Callable[[], nn.Module]) -> Draw:
    """One of several layers that do as much for each value."""
    return lambda sizes: (makes[sizes.generator.integers(len(makes))](), sizes.map())


DRAWS: dict[str, tuple[float, Draw]] = {
    "pointwise": (4, _pointwise), "depthwise": (4, _depthwise), "convolution": (4, _convolution),
    "grouped": (1.2, _grouped), "linear": (1.5, _linear), "linear of rows": (2, _linear_of_rows),
    "conv1d": (1.5, _series), "convtranspose2d": (1.2, _transposed), "matmul": (2, _product),
    "softmax": (1.2, _softmax), "layernorm": (1.2, _normalised), "transpose": (1.5, _permuted),
    "add": (1.5, _plus), "mul": (1.2, _times), "cat": (1.2, _twice), "slice": (1.2, _part),
    "adaptiveavgpool2d": (1.2, _layer(lambda: nn.AdaptiveAvgPool2d(1))),
    "avgpool2d": (1.2, _window(nn.AvgPool2d)), "maxpool2d": (1.2, _window(nn.MaxPool2d)),
    "resize nearest": (1.2, _resized("nearest")), "resize linear": (1.2, _resized("bilinear")),
    "relu": (1.2, _layer(nn.ReLU)), "hardswish": (1.2, _layer(nn.Hardswish)),
    "sigmoid": (1.2, _layer(nn.Sigmoid, nn.Tanh)), "gelu": (1.2, _layer(nn.GELU, nn.SiLU)),
}
"""Family -> how large a share of a sample it has, and what draws one."""
