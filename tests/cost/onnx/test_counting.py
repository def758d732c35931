"""Multiply-accumulates and weights by hand, of every operator that multiplies and adds up."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from ..onnx_files import counted, model, number, numbers, read, weight

NODE = helper.make_node
INT8 = np.int8
Case = tuple[list[NodeProto], list[TensorProto], tuple[int, ...], int, int]

CASES: dict[str, Case] = {
    "convolution of sequences": (
        [NODE("Conv", ["x", "w"], ["y"], pads=[1, 1])], [weight("w", 8, 4, 3)], (1, 4, 10), 8 * 10 * 12, 96),
    "convolution of volumes": ([NODE("Conv", ["x", "w"], ["y"])], [weight("w", 8, 3, 3, 3, 3)], (1, 3, 8, 8, 8),
                               8 * 216 * 81, 648),
    "depthwise with a multiplier": ([NODE("Conv", ["x", "w"], ["y"], group=3)], [weight("w", 12, 1, 3, 3)],
                                    (1, 3, 16, 16), 12 * 196 * 9, 108),
    "transposed, in groups": ([NODE("ConvTranspose", ["x", "w", "b"], ["y"], group=3, strides=[2, 2])],
                              [weight("w", 3, 4, 2, 2), weight("b", 12)], (1, 3, 16, 16), 3 * 256 * 16, 60),
    "a batch of matrices": ([NODE("MatMul", ["x", "w"], ["y"])], [weight("w", 8, 24, 16)], (1, 8, 64, 24),
                            8 * 64 * 24 * 16, 8 * 24 * 16),
    "a vector of weights": ([NODE("MatMul", ["x", "w"], ["y"])], [weight("w", 16)], (1, 3, 16), 48, 16),
    "weights on the left": ([NODE("MatMul", ["w", "x"], ["y"])], [weight("w", 10, 16)], (1, 3, 16, 8),
                            3 * 10 * 8 * 16, 160),
    "two activations": ([NODE("MatMul", ["x", "x"], ["y"])], [], (1, 4, 8, 8), 4 * 8 * 8 * 8, 0),
    "Gemm of two activations": (
        [NODE("Reshape", ["x", "s"], ["m"]), NODE("Gemm", ["m", "m"], ["y"], transA=1)], [numbers("s", 6, 6)],
        (1, 36), 216, 0),
    "a sum over indices": ([NODE("Einsum", ["x", "w"], ["y"], equation="b c h w, c k -> bkhw")], [weight("w", 3, 5)],
                           (1, 3, 4, 4), 3 * 5 * 16, 15),
    "a sum under an ellipsis": ([NODE("Einsum", ["x", "w"], ["y"], equation="...w,wk")], [weight("w", 4, 5)],
                                (1, 3, 4, 4), 12 * 4 * 5, 20),
    "indices that nothing is summed over": ([NODE("Einsum", ["x", "w"], ["y"], equation="bchw,c->bchw")],
                                            [weight("w", 3)], (1, 3, 4, 4), 0, 3),
    "LSTM, whose last state is asked for": (
        [NODE("LSTM", ["x", "w", "r", "b"], ["", "", "y"], hidden_size=5)],
        [weight("w", 1, 20, 4), weight("r", 1, 20, 5), weight("b", 1, 40)], (1, 7, 4), 7 * 20 * 9, 20 * 9 + 40),
    "GRU both ways": (
        [NODE("GRU", ["x", "w", "r"], ["y", "h"], hidden_size=5, direction="bidirectional")],
        [weight("w", 2, 15, 4), weight("r", 2, 15, 5)], (1, 7, 4), 7 * 2 * 15 * 9, 2 * 15 * 9),
    "int8 operators": (
        [NODE("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), NODE("MatMulInteger", ["q", "w", "z"], ["i"]),
         NODE("Cast", ["i"], ["f"], to=1), NODE("Mul", ["f", "s"], ["y"])],
        [weight("w", 16, 32, dtype=INT8)], (1, 3, 16), 3 * 16 * 32, 512),
    "an embedding": ([NODE("Gather", ["w", "i"], ["e"]), NODE("Reshape", ["x", "s"], ["r"]),
                      NODE("MatMul", ["r", "e"], ["y"])],
                     [weight("w", 9, 8), numbers("i", 1, 2), numbers("s", 1, 2)], (1, 2), 2 * 8, 16),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str) -> None:
    nodes, constants, shape, macs, params = CASES[name]
    assert counted(nodes, constants, shape=shape) == (macs, params)


def test_int8_convolutions_count_as_others_do() -> None:
    nodes = [NODE("QuantizeLinear", ["x", "s", "z"], ["q"]),
             NODE("QLinearConv", ["q", "s", "z", "w", "s", "v", "s", "z", "b"], ["o"]),
             NODE("DequantizeLinear", ["o", "s", "z"], ["y"])]
    found = read(model(nodes, [number("s", 0.1), number("z", 0, np.uint8), number("v", 0, INT8),
                               weight("w", 8, 3, 3, 3, dtype=INT8), weight("b", 8, dtype=np.int32)]))
    assert (found.network.macs, found.params, found.precision) == (8 * 196 * 27, 224, "int8")


def test_what_cannot_be_counted_is_named() -> None:
    attention = NODE("MultiHeadAttention", ["x", "x", "x"], ["y"], domain="com.microsoft", num_heads=2, name="heads")
    found = read(model([attention], shape=(1, 6, 16), domains=["com.microsoft"]))
    assert (found.network.macs, found.not_counted) == (0, ("MultiHeadAttention ('heads')",))
    three = NODE("Einsum", ["x", "w", "v"], ["y"], equation="bij,jk,kl->bil")
    assert read(model([three], [weight("w", 4, 5), weight("v", 5, 6)], shape=(1, 3, 4))).not_counted == (
        "Einsum ('y')",)


def test_weights_that_are_used_twice_are_counted_once_and_numbers_are_none() -> None:
    nodes = [NODE("MatMul", ["x", "w"], ["a"]), NODE("MatMul", ["a", "w"], ["b"]), NODE("Mul", ["b", "k"], ["y"])]
    assert counted(nodes, [weight("w", 16, 16), number("k", 0.5)], shape=(1, 3, 16)) == (2 * 3 * 256, 256)
