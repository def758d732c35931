"""A user's own network as a graph of layers with shapes, and the places where one tensor is all that goes on.

The tracer is torch.fx's: the user's classes are followed through, layers of torch.nn stay whole. What the user wrote
with functions (`F.conv2d(x, self.weight)`, `F.relu(x)`) becomes the layer that computes the same, so that all that
comes after sees layers alone.
"""

from __future__ import annotations

import copy
import operator
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional as F

from edgenas.errors import UserCodeError
from edgenas.text import one_line

PREFIX = "network."
BATCH = 2
ACTIVATIONS: dict[Any, Callable[[], nn.Module]] = {
    F.relu: nn.ReLU, torch.relu: nn.ReLU, F.relu6: nn.ReLU6, F.hardswish: nn.Hardswish, F.silu: nn.SiLU,
    F.hardsigmoid: nn.Hardsigmoid, F.sigmoid: nn.Sigmoid, torch.sigmoid: nn.Sigmoid, F.gelu: nn.GELU,
    "relu": nn.ReLU, "sigmoid": nn.Sigmoid,
}
UNARY = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.ELU,
         nn.Mish, nn.Softplus, nn.Dropout, nn.Dropout2d, nn.Identity, nn.Hardtanh)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.PReLU)
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


@dataclass(frozen=True, eq=False)
class Traced:
    """nodes: in the order of execution, without the image and the output. modules, tensors: what they call and read, by
    the user's own paths. image, result: the first node's input, and what the network gives."""

    nodes: tuple[fx.Node, ...]
    image: fx.Node
    result: fx.Node
    modules: dict[str, nn.Module]
    tensors: dict[str, Tensor]

    def module(self, node: fx.Node) -> nn.Module | None:
        """The layer that a node calls."""
        return self.modules[path_of(node)] if node.op == "call_module" else None


class _Alone(nn.Module):
    """The network with the image as its only input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Any:
        return self.network(image)


class _Tracer(fx.Tracer):
    record_stack_traces = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Layers of torch.nn, and classes derived of one that leave its forward pass alone."""
        if isinstance(m, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            return False
        return type(m).forward.__module__.startswith(("torch.nn", "torch.ao.nn"))


def trace_network(network: nn.Module, image: Tensor, name: str) -> Traced:
    """The graph of `network`, in evaluation mode, for images like `image` (N, C, H, W).

    Raises: UserCodeError naming the line where the forward pass hangs on data, or for images that it does not take.
    """
    tracer = _Tracer()
    root = _Alone(copy.deepcopy(network)).eval()
    try:
        graph = tracer.trace(root)
    except Exception as error:  # the user's own code may raise anything
        raise UserCodeError(f"{name} cannot be followed: {one_line(str(error))[:200]}{_where(error)}",
                            "write its forward pass without branches or loops that hang on the image") from error
    try:
        with torch.no_grad():
            root(image.clone())
    except Exception as error:
        shape = "x".join(map(str, image.shape[1:]))
        raise UserCodeError(f"{name} fails on an image of {shape} (channels x height x width), as --data has them: "
                            f"{one_line(str(error))[:200]}", "give data that the network was made for, or --image-size "
                            "with the side it takes") from error
    _as_layers(root, graph)
    _ask_nearby(graph)
    root.eval()
    module = fx.GraphModule(root, graph)
    graph = module.graph
    graph.eliminate_dead_code()
    module.recompile()
    with torch.no_grad():
        ShapeProp(module).propagate(image)
    modules = {path.removeprefix(PREFIX): part for path, part in root.named_modules(remove_duplicate=False)}
    tensors = {path.removeprefix(PREFIX): tensor for path, tensor in
               [*root.named_parameters(remove_duplicate=False), *root.named_buffers(remove_duplicate=False)]}
    nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
    result = next(node for node in graph.nodes if node.op == "output").args[0]
    return Traced(tuple(nodes), next(iter(graph.nodes)), result, modules, tensors)


def shape_of(node: fx.Node) -> tuple[int, ...] | None:
    """Of the tensor that a node gives, with the batch; None where it gives no single tensor."""
    value = node.meta.get("tensor_meta")
    return tuple(value.shape) if value is not None and hasattr(value, "shape") else None


def path_of(node: fx.Node) -> str:
    """By which the user's network has what a node calls or reads."""
    return str(node.target).removeprefix(PREFIX)


def line_of(node: fx.Node) -> str:
    """`net.py:12` of the user's code, or nothing where it is not known."""
    places = re.findall(r'File "([^"]+)", line (\d+)', node.stack_trace or "")
    own = [(file, line) for file, line in places if "/torch/" not in file and "/edgenas/" not in file]
    return f"{own[-1][0].rpartition('/')[2]}:{own[-1][1]}" if own else ""


def _where(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if "/torch/" not in frame.filename and "/edgenas/" not in frame.filename]
    return f", in {frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


def _as_layers(root: nn.Module, graph: fx.Graph) -> None:
    """Replace functions by layers of torch.nn, where they compute the same; leave out what computes nothing."""
    for node in list(graph.nodes):
        if node.op == "call_module" and isinstance(root.get_submodule(str(node.target)), nn.Identity):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
            continue
        layer = _layer(root, node)
        if layer is None:
            continue
        stack = list((node.meta.get("nn_module_stack") or {"": ("network",)}).values())
        owner = stack[-1][0] or "network"
        kind = f"{type(layer).__name__.lower()}_layer"
        taken = sum(key.startswith(kind) for key in vars(root.get_submodule(owner))["_modules"])
        name = f"{kind}{taken + 1 if taken else ''}"
        root.get_submodule(owner).add_module(name, layer)
        with graph.inserting_before(node):
            new = graph.call_module(f"{owner}.{name}", (node.args[0],))
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        graph.erase_node(node)


def _ask_nearby(graph: fx.Graph) -> None:
    """Who is told the number of images by a tensor far away asks the tensor that it is given instead. Otherwise
    `x.view(image.size(0), -1)` hangs on the image, and there is no place to cut in between."""
    for node in list(graph.nodes):
        tensor = node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        if node.op != "call_method" or node.target not in ("view", "reshape") or tensor is None:
            continue
        for asked in [n for n in node.all_input_nodes if n is not tensor and _asks_images(n)]:
            with graph.inserting_before(node):
                node.replace_input_with(asked, graph.call_method("size", (tensor, 0)))


def _asks_images(node: fx.Node) -> bool:
    """Whether it is x.size(0), x.size()[0] or x.shape[0]."""
    if node.op == "call_method" and node.target == "size":
        return node.args[1:] == (0,)
    if node.target is not operator.getitem or node.args[1] != 0 or not isinstance(node.args[0], fx.Node):
        return False
    sizes = node.args[0]
    return (sizes.target == "size" and len(sizes.args) == 1) or (sizes.target is getattr and sizes.args[1] == "shape")


def _layer(root: nn.Module, node: fx.Node) -> nn.Module | None:
    if node.op not in ("call_function", "call_method"):
        return None
    options = {key: value for key, value in node.kwargs.items() if key not in ("inplace", "training")}
    if node.target in ACTIVATIONS and len(node.args) == 1 and not options:
        return ACTIVATIONS[node.target]()
    if node.target in (F.conv2d, torch.conv2d):
        return _conv(root, *node.args[1:], **options)
    if node.target is F.batch_norm:
        return _norm(root, node)
    return _linear(root, *node.args[1:], **options) if node.target is F.linear else None


def _tensor(root: nn.Module, value: Any) -> Tensor | None:
    if not isinstance(value, fx.Node) or value.op != "get_attr":
        return None
    owner, _, name = str(value.target).rpartition(".")
    found: Tensor = getattr(root.get_submodule(owner), name)
    return found


def _conv(root: nn.Module, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
          groups: Any = 1) -> nn.Module | None:
    kernel, shift = _tensor(root, weight), _tensor(root, bias)
    if not isinstance(kernel, nn.Parameter) or (bias is not None and shift is None):
        return None
    with torch.device("meta"):
        layer = nn.Conv2d(kernel.shape[1] * groups, kernel.shape[0], tuple(kernel.shape[2:]),  # type: ignore[arg-type]
                          stride, padding, dilation, groups, bias=shift is not None)
    layer.weight, layer.bias = kernel, shift
    return layer


def _linear(root: nn.Module, weight: Any, bias: Any = None) -> nn.Module | None:
    matrix, shift = _tensor(root, weight), _tensor(root, bias)
    if not isinstance(matrix, nn.Parameter) or (bias is not None and shift is None):
        return None
    with torch.device("meta"):
        layer = nn.Linear(matrix.shape[1], matrix.shape[0], bias=shift is not None)
    layer.weight, layer.bias = matrix, shift  # type: ignore[assignment]
    return layer


def _norm(root: nn.Module, node: fx.Node) -> nn.Module | None:
    """A batch normalisation by its running statistics, as classes derived of it write it out."""
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    given: dict[str, Any] = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    tensors = [_tensor(root, given.get(name)) for name in names[:4]]
    shape = tuple(tensors[0].shape) if tensors[0] is not None else ()
    if given.get("training") or any(t is None for t in tensors) or len(shape) != 1:
        return None
    with torch.device("meta"):
        layer = nn.BatchNorm2d(shape[0], given.get("eps", 1e-5), given.get("momentum", 0.1))
    layer.running_mean, layer.running_var, layer.weight, layer.bias = tensors  # type: ignore[assignment]
    layer.num_batches_tracked = torch.tensor(0)
    return layer
