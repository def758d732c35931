"""A user's own space, with candidates that an Ethos-U and TensorFlow Lite Micro cannot run."""

from torch import nn

from edgenas.space import Choice
from edgenas.space.operators import ConvBN, Head, MBConv


def block():
    strided = nn.Sequential(nn.Conv2d(8, 8, 5, stride=4, padding=2, groups=8), nn.BatchNorm2d(8), nn.ReLU())
    halved = ConvBN(8, 8, 3, stride=2)
    return Choice({"plain": nn.Sequential(halved, ConvBN(8, 8, 3, stride=2)), "strided": strided,
                   "wide": nn.Sequential(halved, ConvBN(8, 8, 5, stride=2)),
                   "gelu": nn.Sequential(halved, nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.GELU())})


def deep():
    return Choice({"narrow": MBConv(8, 8, 3, 3), "wide": MBConv(8, 8, 3, 6), "skip": nn.Identity()})


def network(input_shape, classes):
    return nn.Sequential(ConvBN(input_shape[0], 8, 3), block(), deep(), Head(8, 16, classes))


def hopeless(input_shape, classes):
    def odd(kernel):
        return nn.Conv2d(8, 8, kernel, stride=4, padding=kernel // 2, groups=8)

    return nn.Sequential(ConvBN(input_shape[0], 8, 3), Choice({"a": odd(3), "b": odd(5)}), Head(8, 16, classes))


def fixed(input_shape, classes):
    return nn.Sequential(ConvBN(input_shape[0], 8, 3), nn.GELU(), deep(), Head(8, 16, classes))
