"""Spaces: the networks to choose from."""

from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice, Route, choices_of
from edgenas.space.load import load_space, space_names
from edgenas.space.space import Part, Space, follow, pick

__all__ = ["Architecture", "Choice", "Part", "Route", "Space", "choices_of", "follow", "load_space", "pick",
           "space_names"]
