"""A user's own network, small, for 1x8x8 images and ten classes; and others that cannot be used."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.up, self.norm = nn.Conv2d(channels, hidden, 3, padding=1, bias=False), nn.BatchNorm2d(hidden)
        self.down = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        return x + self.down(F.relu(self.norm(self.up(x))))


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, 2, 1)
        self.blocks = nn.Sequential(Block(8, 16), Block(8, 8))
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.blocks(F.relu(self.stem(x))).mean((2, 3)))


class Branching(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


class TwoInputs(Net):
    def forward(self, x, mask):
        return super().forward(x * mask)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 10)

    def forward(self, x):
        return self.head(F.relu(self.conv(x)).mean((2, 3)))


def colour():
    network = Net()
    network.stem = nn.Conv2d(3, 8, 3, 2, 1)
    return network


def build():
    return Net()


def seven():
    return Net(7)


def branching():
    return Branching()


def two_inputs():
    return TwoInputs()


def fixed():
    return Fixed()


def nan():
    network = Net()
    with torch.no_grad():
        network.stem.bias[0] = float("nan")
    return network
