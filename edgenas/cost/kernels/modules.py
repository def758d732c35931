"""Modules of one operator that PyTorch has as functions only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgenas.cost.network import Shape


class Plus(nn.Module):
    """The sum of the input and another tensor, which is kept here."""

    other: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.register_buffer("other", torch.randn(1, *shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.other


class Times(Plus):
    """The product, value by value."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.other


class Twice(nn.Module):
    """The input beside itself."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], 1)


class Part(nn.Module):
    """The first so many channels, or rows."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :self.size]


class Permuted(nn.Module):
    """The input's dimensions in another order, the batch first."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.order)


class Product(nn.Module):
    """The input in two shapes, as matrices: (heads, rows, inner) times (heads, inner, rows)."""

    def __init__(self, heads: int, rows: int, inner: int) -> None:
        super().__init__()
        self.first, self.second = (heads, rows, inner), (heads, inner, rows)

    def forward(self, x: Tensor) -> Tensor:
        return x.view(1, *self.first) @ x.view(1, *self.second)


class Attention(nn.Module):
    """Each row as a mixture of all rows (Vaswani et al., arXiv:1706.03762). (rows, values) stay what they are."""

    def __init__(self, values: int, heads: int) -> None:
        super().__init__()
        self.heads, self.each = heads, values // heads
        self.query, self.key, self.value, self.out = (nn.Linear(values, values) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        query, value = (layer(x).view(1, -1, self.heads, self.each).permute(0, 2, 1, 3)
                        for layer in (self.query, self.value))
        key = self.key(x).view(1, -1, self.heads, self.each).permute(0, 2, 3, 1)
        mixed = torch.softmax(query @ key * self.each ** -0.5, -1) @ value
        out: Tensor = self.out(mixed.permute(0, 2, 1, 3).reshape(1, -1, self.heads * self.each))
        return out


class Rows(nn.Module):
    """A map as rows: of one position's channels each, or as the values lie (`as_they_lie`)."""

    def __init__(self, shape: Shape, as_they_lie: bool) -> None:
        super().__init__()
        self.channels, self.as_they_lie = shape[0], as_they_lie

    def forward(self, x: Tensor) -> Tensor:
        return x.view(1, -1, self.channels) if self.as_they_lie else x.flatten(2).permute(0, 2, 1)


class Map(nn.Module):
    """Rows as a map whose channels they are, as square as it can be."""

    def __init__(self, rows: int, length: int) -> None:
        super().__init__()
        side = next(side for side in range(int(length**0.5), 0, -1) if length % side == 0)
        self.shape = (rows, side, length // side)

    def forward(self, x: Tensor) -> Tensor:
        return x.view(1, *self.shape)


class Mean(nn.Module):
    """Of all rows."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)
