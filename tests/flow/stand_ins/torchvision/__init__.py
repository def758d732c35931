"""In torchvision's manner, what edgenas asks of it."""
