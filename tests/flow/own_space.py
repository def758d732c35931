"""A user's own space, small: nine architectures, in a file of its own."""

from torch import nn

from edgenas.space import Choice
from edgenas.space.operators import ConvBN, Head, MBConv


def network(input_shape, classes):
    def block():
        return Choice({"narrow": MBConv(8, 8, 3, 3), "wide": MBConv(8, 8, 5, 6), "skip": nn.Identity()})

    return nn.Sequential(ConvBN(input_shape[0], 8, 3), block(), block(), Head(8, 16, classes))
