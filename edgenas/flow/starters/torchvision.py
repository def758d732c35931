"""torchvision's classifiers with the weights that it takes for the best."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from edgenas.flow.starters import Preprocessing, Starter


class Torchvision(Starter):
    """Its weights are downloaded by torchvision itself."""

    summary: ClassVar[str] = "any classifier of torchvision, by its name; downloads its weights"
    packages: ClassVar[dict[str, str]] = {"torchvision": "torchvision"}
    install: ClassVar[str] = "pip install torchvision"
    licence: ClassVar[str] = "BSD-3-Clause, of the package; of the weights see its documentation"
    source: ClassVar[str] = "https://github.com/pytorch/vision"
    many: ClassVar[bool] = True
    example: ClassVar[str] = "torchvision:mobilenet_v3_small"

    def build(self, name: str, image_size: int) -> nn.Module:
        from torchvision.models import get_model

        network: nn.Module = get_model(name, weights=_weights(name))
        return network

    def preprocessing(self, name: str) -> Preprocessing:
        usual = _weights(name).transforms()
        return Preprocessing(tuple(usual.mean), tuple(usual.std), int(usual.crop_size[0]))

    def weights(self, name: str) -> str:
        return str(_weights(name).url)


def _weights(name: str) -> Any:
    from torchvision.models import get_model_weights

    return get_model_weights(name).DEFAULT


STARTER = Torchvision
