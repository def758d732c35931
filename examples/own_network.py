"""ResNet-20 for CIFAR-10 (He et al., arXiv:1512.03385), and a MobileNetV2 for its 32 x 32 pixels, written plainly:
edgenas run --from examples/own_network.py:build --weights w.safetensors --data DIR --latency-ms 50% --out runs/mine"""

from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False),
                                          nn.BatchNorm2d(channels))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self, classes=10, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        layers, inputs = [], width
        for stage in range(3):
            for index in range(3):
                layers.append(BasicBlock(inputs, width * 2**stage, 2 if stage and not index else 1))
                inputs = width * 2**stage
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


def conv_bn(inputs, outputs, kernel=1, stride=1, groups=1):
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs)]


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.body = nn.Sequential(*conv_bn(inputs, hidden), nn.ReLU6(inplace=True),
                                  *conv_bn(hidden, hidden, 3, stride, hidden), nn.ReLU6(inplace=True),
                                  *conv_bn(hidden, outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


class MobileNet(nn.Module):
    def __init__(self, classes=10, stages=((16, 2, 1), (24, 3, 2), (40, 3, 2), (80, 3, 2))):
        super().__init__()
        layers, inputs = [*conv_bn(3, 16, 3, 1), nn.ReLU6(inplace=True)], 16
        for outputs, count, stride in stages:
            for index in range(count):
                layers.append(InvertedResidual(inputs, outputs, 1 if index else stride, 4))
                inputs = outputs
        self.features = nn.Sequential(*layers, *conv_bn(inputs, 320), nn.ReLU6(inplace=True))
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(320, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def build():
    return ResNet20()


def mobilenet():
    return MobileNet()
