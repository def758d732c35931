from __future__ import annotations

import re
import sys

import pytest

from edgenas.errors import UsageError
from edgenas.search.strategies.proxyless import Proxyless
from edgenas.search.strategies.snas import Snas
from edgenas.search.strategy import Strategy, load_strategy, strategy_class, strategy_names
from edgenas.train.schedule import Exponential


def test_strategies_are_found_by_their_file() -> None:
    assert {"snas", "proxyless", "random"} <= set(strategy_names())


@pytest.mark.parametrize("name", strategy_names())
def test_every_strategy_says_what_it_is_and_where_it_is_from(name: str) -> None:
    found = strategy_class(name)
    assert issubclass(found, Strategy)
    assert found.__module__ == f"edgenas.search.strategies.{name}"
    assert 20 < len(found.summary) < 100
    number = re.search(r"arXiv:\d{4}\.\d{5}", found.paper)
    assert number is not None
    assert number[0] in (sys.modules[found.__module__].__doc__ or "")
    assert load_strategy(name) == found()


def test_options_are_set_by_text_and_the_others_keep_their_defaults() -> None:
    assert load_strategy("snas", {"temperature.start": "3"}) == Snas(temperature=Exponential(start=3.0, end=0.2))
    assert load_strategy("proxyless", {"warmup": "0", "architecture_travel": "3"}) == Proxyless(
        warmup=0.0, architecture_travel=3.0)


@pytest.mark.parametrize(("name", "option", "value"), [
    ("snas", "temperature.start", "0"), ("snas", "temperature.end", "cold"), ("snas", "architecture_travel", "0"),
    ("snas", "architecture_share", "1"), ("proxyless", "architecture_share", "0"), ("proxyless", "warmup", "1"),
    ("darts", "order", "3"), ("darts", "order", "0"), ("darts", "architecture_share", "0"),
    ("darts_minus", "skip", "0"), ("noisy_darts", "noise", "-1"), ("amended", "coefficient", "0"),
    ("entrannas", "threshold", "1"), ("gold_nas", "threshold", "0.5"), ("gold_nas", "rounds", "0"),
    ("pc_darts", "share", "0"), ("p_darts", "rounds", "0"), ("p_darts", "dropout", "1"), ("p_darts", "skips", "-1"),
    ("proxyless", "warmup", "-0.1"), ("random", "architecture_travel", "nan"),
])
def test_values_that_cannot_be_are_refused(name: str, option: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"option {option}={value} of strategy '{name}' is refused"):
        load_strategy(name, {option: value})


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'snass' is no known strategy") as caught:
        load_strategy("snass")
    assert "did you mean 'snas'" in caught.value.hint
    with pytest.raises(UsageError, match="'temperature.begin' is no known option of strategy 'snas'") as caught:
        load_strategy("snas", {"temperature.begin": "1"})
    assert "temperature.start" in caught.value.hint
    with pytest.raises(UsageError, match="'warmup' is no known option of strategy 'snas'"):
        load_strategy("snas", {"warmup": "0.1"})
