"""What a program that reaches devices says when it fails, as one sentence: the part that ssh and adb share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgenas.errors import DeviceError, LinkLost
from edgenas.measure.process import TAIL


@dataclass(frozen=True)
class Rule:
    """pattern: in what the program says. passing: so does a device that is booting, which will answer later."""

    pattern: str
    message: str
    hint: str
    passing: bool = False


def by_rule(rules: Sequence[Rule], words: str, told: Mapping[str, str], met: bool) -> DeviceError | None:
    """The error of the first rule that fits; if the device was `met` before and may come back, LinkLost.

    told: what the rules' messages and hints have in braces.
    """
    for rule in rules:
        if re.search(rule.pattern, words):
            kind = LinkLost if met and rule.passing else DeviceError
            return kind(rule.message.format_map(told), rule.hint.format_map(told))
    return None


def last_line(words: str) -> str:
    return words.splitlines()[-1][-TAIL:] if words else "it does not say why"
