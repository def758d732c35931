"""timm's classifiers with their trained weights."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from edgenas.flow.starters import Origin, Preprocessing, Starter


class Timm(Starter):
    """Its weights are downloaded by timm itself; their licence is the one that timm states for each."""

    summary: ClassVar[str] = "any classifier of timm, by its name; downloads its weights"
    packages: ClassVar[dict[str, str]] = {"timm": "timm", "torchvision": "torchvision"}
    install: ClassVar[str] = "pip install timm torchvision"
    licence: ClassVar[str] = "Apache-2.0, of the package; of the weights as it states for each"
    source: ClassVar[str] = "https://github.com/huggingface/pytorch-image-models"
    many: ClassVar[bool] = True
    example: ClassVar[str] = "timm:mobilenetv3_small_100"

    def build(self, name: str, image_size: int) -> nn.Module:
        from timm import create_model

        sized = {"img_size": image_size} if _usual(name).get("fixed_input_size") else {}  # as transformers have it
        network: nn.Module = create_model(name, pretrained=True, **sized)
        return network

    def preprocessing(self, name: str) -> Preprocessing:
        usual = _usual(name)
        return Preprocessing(tuple(usual["mean"]), tuple(usual["std"]), int(usual["input_size"][1]))

    def origin(self, name: str, full: str) -> Origin:
        from dataclasses import replace

        usual = _usual(name)
        return replace(super().origin(name, full), licence=str(usual.get("license") or self.licence),
                       source=str(usual.get("origin_url") or self.source))

    def weights(self, name: str) -> str:
        usual = _usual(name)
        return str(usual.get("hf_hub_id") or usual.get("url") or self.source)


def _usual(name: str) -> dict[str, Any]:
    """What timm says of the weights of that name."""
    from timm.models import get_pretrained_cfg

    found: dict[str, Any] = get_pretrained_cfg(name, allow_unregistered=False).to_dict()
    return found


STARTER = Timm
