"""Networks as people write them, small: 3x16x16 images, 5 classes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([act(inplace=True)] if act else []))


class Basic(nn.Module):
    def __init__(self, inputs, channels, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        self.downsample = None if stride == 1 and inputs == channels else conv_bn(inputs, channels, 1, stride, act=None)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return F.relu(out)


class Bottleneck(nn.Module):
    """As torchvision's: two hidden widths in one block."""

    def __init__(self, channels, mid, groups=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, mid, 1, bias=False), nn.BatchNorm2d(mid)
        self.conv2, self.bn2 = nn.Conv2d(mid, mid, 3, 1, 1, groups=groups, bias=False), nn.BatchNorm2d(mid)
        self.conv3, self.bn3 = nn.Conv2d(mid, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + x)


class SqueezeExcite(nn.Module):
    """The form with views whose sizes are the tensor's own."""

    def __init__(self, channels, reduced):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(channels, reduced), nn.ReLU(inplace=True), nn.Linear(reduced, channels),
                                nn.Sigmoid())

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.fc(self.pool(x).view(b, c)).view(b, c, 1, 1)
        return x * y


class Inverted(nn.Module):
    """MobileNetV2's block, with squeeze-excite EfficientNet's."""

    def __init__(self, inputs, outputs, stride, expansion, se=False, act=nn.ReLU6):
        super().__init__()
        hidden = inputs * expansion
        self.use_res_connect = stride == 1 and inputs == outputs
        layers = [conv_bn(inputs, hidden, 1, act=act)] if expansion != 1 else []
        layers.append(conv_bn(hidden, hidden, 3, stride, hidden, act=act))
        if se:
            layers.append(SqueezeExcite(hidden, 8))
        self.conv = nn.Sequential(*layers, nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class Classifier(nn.Module):
    def __init__(self, features, channels, classes=5):
        super().__init__()
        self.features = features
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(channels, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


def resnet():
    return Classifier(nn.Sequential(conv_bn(3, 8), Basic(8, 8), Basic(8, 8), Basic(8, 16, 2), Basic(16, 16)), 16)


def bottlenecks():
    return Classifier(nn.Sequential(conv_bn(3, 16), Bottleneck(16, 8), Bottleneck(16, 12)), 16)


def resnext():
    return Classifier(nn.Sequential(conv_bn(3, 16), Bottleneck(16, 16, groups=4), Bottleneck(16, 8)), 16)


def mobilenet():
    return Classifier(nn.Sequential(
        conv_bn(3, 16, stride=2, act=nn.ReLU6), Inverted(16, 8, 1, 1), Inverted(8, 12, 2, 4), Inverted(12, 12, 1, 4),
        Inverted(12, 12, 1, 4), Inverted(12, 16, 2, 4), conv_bn(16, 64, 1, act=nn.ReLU6)), 64)


def efficientnet():
    return Classifier(nn.Sequential(
        conv_bn(3, 8, stride=2, act=nn.SiLU), Inverted(8, 8, 1, 4, se=True, act=nn.SiLU),
        Inverted(8, 12, 2, 4, se=True, act=nn.SiLU), conv_bn(12, 32, 1, act=nn.SiLU)), 32)


class Vgg(nn.Module):
    """A plain chain, its pixels flattened behind its channels."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv_bn(3, 8), conv_bn(8, 16), nn.MaxPool2d(2), conv_bn(16, 16), conv_bn(16, 8),
                                      nn.MaxPool2d(4))
        self.classifier = nn.Sequential(nn.Linear(8 * 4, 16), nn.ReLU(True), nn.Linear(16, 5))

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))


class Dense(nn.Module):
    """Concatenation: every layer reads all before it."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.bottleneck1, self.grow1 = conv_bn(8, 16, 1), conv_bn(16, 8)
        self.bottleneck2, self.grow2 = conv_bn(16, 16, 1), conv_bn(16, 8)
        self.norm, self.fc = nn.BatchNorm2d(24), nn.Linear(24, 5)

    def forward(self, x):
        x = self.stem(x)
        a = self.grow1(self.bottleneck1(x))
        b = self.grow2(self.bottleneck2(torch.cat([x, a], 1)))
        x = F.relu(self.norm(torch.cat([x, a, b], dim=1)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Shuffle(nn.Module):
    """Channels divided, and shuffled: must be left alone."""

    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.last, self.fc = conv_bn(3, 16), conv_bn(8, 8), conv_bn(16, 32, 1), nn.Linear(32, 5)

    def forward(self, x):
        x = self.stem(x)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a, self.branch(b)], dim=1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(self.last(x).mean((2, 3)))


class ConvNext(nn.Module):
    """Layer norm over the channels, layer scale, linear layers on the last axis."""

    def __init__(self, channels=8):
        super().__init__()
        self.dw, self.norm = nn.Conv2d(channels, channels, 7, padding=3, groups=channels), nn.LayerNorm(channels)
        self.up, self.down = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x):
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(F.gelu(self.up(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext():
    return Classifier(nn.Sequential(nn.Conv2d(3, 8, 4, 4), ConvNext(), ConvNext()), 8)


class Plain(nn.Module):
    """Everything by function; a parameter that scales hidden channels; a branch of two; a grown residual."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(16, 3, 3, 3) * 0.2)
        self.scale = nn.Parameter(torch.rand(16, 1, 1) + 0.5)
        self.a, self.b = nn.Conv2d(16, 8, 1), nn.Conv2d(16, 8, 3, padding=1)
        self.c, self.d = nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(16, 8, 3, padding=1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = torch.relu(F.conv2d(x, self.kernel, padding=1)) * self.scale
        x = F.hardswish(self.a(x) + self.b(x))
        x = torch.add(x, self.d(self.c(x).relu()))
        return F.linear(x.mean((-2, -1)), self.fc.weight, self.fc.bias)


class Twice(nn.Module):
    """One layer called twice, and one class derived of a layer."""

    class Conv(nn.Conv2d):
        pass

    def __init__(self):
        super().__init__()
        self.stem, self.shared, self.out = self.Conv(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1), self.Conv(8, 16, 3)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = F.relu(self.shared(F.relu(self.shared(F.relu(self.stem(x))))))
        return self.fc(F.relu(self.out(x)).mean((2, 3)))


class NormAct(nn.BatchNorm2d):
    """In timm's manner: a norm that writes its own forward pass out, with an activation behind it."""

    def __init__(self, channels, act=True):
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.ReLU(inplace=True) if act else nn.Identity()

    def forward(self, x):
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        training = True if self.training else (self.running_mean is None) and (self.running_var is None)
        x = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training, factor, self.eps)
        return self.act(self.drop(x))


class Timm(nn.Module):
    """Blocks in timm's manner: squeeze-excite by means, drop path."""

    def __init__(self, channels=8, hidden=16):
        super().__init__()
        self.conv_pw, self.bn1 = nn.Conv2d(channels, hidden, 1, bias=False), NormAct(hidden)
        self.conv_dw, self.bn2 = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden, bias=False), NormAct(hidden)
        self.conv_reduce, self.conv_expand = nn.Conv2d(hidden, 4, 1), nn.Conv2d(4, hidden, 1)
        self.conv_pwl, self.bn3 = nn.Conv2d(hidden, channels, 1, bias=False), NormAct(channels, act=False)
        self.drop_prob = 0.1

    def drop_path(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        return x * x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(1 - self.drop_prob)

    def forward(self, x):
        y = self.bn2(self.conv_dw(self.bn1(self.conv_pw(x))))
        gate = self.conv_expand(F.relu(self.conv_reduce(y.mean((2, 3), keepdim=True))))
        return self.drop_path(self.bn3(self.conv_pwl(y * gate.sigmoid()))) + x


def timm():
    return Classifier(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), NormAct(8), Timm(), Timm(hidden=32)), 8)


BUILDERS = {"timm": timm, "resnet": resnet, "bottlenecks": bottlenecks, "resnext": resnext, "mobilenet": mobilenet,
            "efficientnet": efficientnet, "vgg": Vgg, "dense": Dense, "shuffle": Shuffle, "convnext": convnext,
            "plain": Plain, "twice": Twice}


def made(name: str) -> nn.Module:
    """A network in evaluation mode whose batch norms have seen images."""
    torch.manual_seed(0)
    return seen(BUILDERS[name]())


def seen(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.3)
    return network.eval()


class Branches(nn.Module):
    """Two branches, summed or concatenated, and a convolution behind them."""

    def __init__(self, inputs, outputs, concatenated):
        super().__init__()
        self.a, self.b = conv_bn(inputs, 8, 1), conv_bn(inputs, 12 if concatenated else 8)
        self.concatenated, self.out = concatenated, conv_bn(20 if concatenated else 8, outputs, 1)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        return self.out(torch.cat((a, b), 1) if self.concatenated else a + b)


class Preactivated(nn.Module):
    """Norm and activation before the convolution, as in ResNet v2."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, hidden, 3, padding=1)
        self.norm2, self.conv2 = nn.BatchNorm2d(hidden), nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(y))) + x


class Gated(nn.Module):
    """A hidden tensor times the sigmoid of another."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.value, self.gate, self.out = (nn.Conv2d(channels, hidden, 1), nn.Conv2d(channels, hidden, 1),
                                           nn.Conv2d(hidden, channels, 1))

    def forward(self, x):
        return x + self.out(self.value(x) * torch.sigmoid(self.gate(x)))


PIECES = (
    lambda i, o: Basic(i, o), lambda i, o: Basic(i, o, 2), lambda i, o: nn.Sequential(conv_bn(i, o), Bottleneck(o, 8)),
    lambda i, o: Inverted(i, o, 1, 3, se=True, act=nn.SiLU), lambda i, o: Inverted(i, o, 2, 2),
    lambda i, o: conv_bn(i, o), lambda i, o: Branches(i, o, True), lambda i, o: Branches(i, o, False),
    lambda i, o: nn.Sequential(conv_bn(i, o, act=None), Preactivated(o, 12)),
    lambda i, o: nn.Sequential(conv_bn(i, o, 1), Gated(o, 12)), lambda i, o: nn.Sequential(conv_bn(i, o), ConvNext(o)),
    lambda i, o: nn.Sequential(nn.Conv2d(i, o, 1), nn.PReLU(o), nn.MaxPool2d(2, 2, ceil_mode=True)),
    lambda i, o: nn.Sequential(nn.Conv2d(i, 16, 3, padding=1), nn.GroupNorm(2, 16), nn.GELU(), nn.Conv2d(16, o, 1)),
)


def random_network(seed):
    """Three to six pieces in a row, as they come."""
    generator = torch.Generator().manual_seed(seed)

    def draw(count):
        return int(torch.randint(count, (), generator=generator))

    widths = [8, *((8, 12, 16)[draw(3)] for _ in range(3 + draw(4)))]
    same = [widths[i] if draw(2) else widths[i + 1] for i in range(len(widths) - 1)]
    layers, inputs = [conv_bn(3, 8, stride=2)], 8
    for outputs in same:
        layers.append(PIECES[draw(len(PIECES))](inputs, outputs))
        inputs = outputs
    return Classifier(nn.Sequential(*layers), inputs)
