"""A user's own space, small: nine architectures, in a file of its own."""

from torch import nn

from edgenas.space import Choice
from edgenas.space.operators import ConvBN, MBConv


def network(input_shape, classes):
    def block():
        return Choice({"narrow": MBConv(8, 8, 3, 1), "wide": MBConv(8, 8, 5, 4), "skip": nn.Identity()})

    return nn.Sequential(ConvBN(input_shape[0], 8, 3), block(), block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(8, classes))
