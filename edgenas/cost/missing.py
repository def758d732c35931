"""What of a space a profile lacks."""

from __future__ import annotations

from edgenas.cost.model import blocks_of, networks, whole
from edgenas.cost.profile import Profile
from edgenas.cost.sampling import calibration_networks
from edgenas.space.architecture import Architecture
from edgenas.space.space import Space

Place = tuple[str, str | None]


def places(space: Space) -> dict[str, Place]:
    """Signature -> one (place, candidate) that has it, for all blocks of a space."""
    return {network.signature: key for key, network in networks(space).items() if network is not None}


def missing_blocks(space: Space, profile: Profile, *, left_out: bool = False) -> dict[str, Place]:
    """`places` of all blocks that are not measured yet. left_out: also those that are to be predicted."""
    known = profile.blocks.keys() if left_out else profile.blocks.keys() | profile.left_out
    return {signature: place for signature, place in places(space).items() if signature not in known}


def missing_networks(space: Space, profile: Profile, *, left_out: bool = False) -> dict[str, Architecture]:
    """Signature -> calibration network, for those that are not measured yet."""
    measured = {network.blocks for network in profile.networks.values()}
    due = signed(space, [a for a in calibration_networks(space) if blocks_of(space, a) not in measured])
    known = profile.networks.keys() if left_out else profile.networks.keys() | profile.left_out
    return {signature: a for signature, a in due.items() if signature not in known}


def signed(space: Space, architectures: list[Architecture]) -> dict[str, Architecture]:
    """By the signature of the whole network: architectures that compute the same are one."""
    distinct = {blocks_of(space, a): a for a in reversed(architectures)}
    return {whole(space, a).signature: a for a in reversed(distinct.values())}
