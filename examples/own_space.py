"""A space of one's own: edgenas run --space examples/own_space.py:network --data digits --latency-ms 60% --out RUN"""

from torch import nn

from edgenas.space import Choice
from edgenas.space.operators import ConvBN, MBConv


def network(input_shape, classes, *, width: int = 16):
    def block():
        return Choice({"plain": ConvBN(width, width, 3), "wide": ConvBN(width, width, 5),
                       "inverted": MBConv(width, width, 3, 4), "skip": nn.Identity()})

    return nn.Sequential(ConvBN(input_shape[0], width, 3), block(), block(), nn.MaxPool2d(2), block(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
