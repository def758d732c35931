"""Spaces: the networks to choose from."""

from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice, Route, choices_of, places_of
from edgenas.space.load import load_space, space_names
from edgenas.space.parts import Part
from edgenas.space.pick import follow, pick
from edgenas.space.space import Space

__all__ = ["Architecture", "Choice", "Part", "Route", "Space", "choices_of", "follow", "load_space", "pick",
           "places_of", "space_names"]
