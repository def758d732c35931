"""In timm's manner, what edgenas asks of it."""


def create_model(name, pretrained=False):
    from torchvision.models import Weights, get_model

    assert pretrained
    return get_model(name, weights=Weights.DEFAULT)
