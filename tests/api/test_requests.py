"""The command line's options and the typed requests are the same, and odd values are one sentence."""

from __future__ import annotations

import click
import pytest
from cli.commands import every_command

from edgenas.api.run import _typed
from edgenas.errors import UsageError
from edgenas.flow.requests import ProfileRequest, Request, RunRequest, TargetRequest, assigned, budget_texts

HANDLED = {"as_json", "out", "resume", "seeds", "tries", "formats", "baselines", "model", "help"}


@pytest.mark.parametrize(("command", "request_class"), [
    ("run", RunRequest), ("search", RunRequest), ("profile", ProfileRequest), ("predict", TargetRequest)])
def test_options_and_their_defaults_are_those_of_the_request(command: str, request_class: type[Request]) -> None:
    parameters = {p.name: p for p in every_command()[command].params if p.name not in HANDLED}
    assert set(parameters) == set(request_class.model_fields)
    for name, parameter in parameters.items():
        default = parameter.get_default(click.Context(every_command()[command]))
        if not isinstance(default, str | int | float | list | tuple):
            default = None  # click's own word for nothing
        known = request_class.model_fields[name].get_default()
        assert default in (known, [known]) or not (default or known), name


@pytest.mark.parametrize("values", [
    {"seed": -1}, {"threads": 0}, {"precision": "fp16"}, {"max_drop": float("nan")}, {"statistic": "mean"},
    {"search_epochs": "many"}, {"no_such": 1}, {"accelerator": "tpu"}, {"seed": "\x1b[2J" * 1000}])
def test_an_odd_value_is_one_sentence(values: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        RunRequest.of(**values)
    name = next(iter(values))
    assert name in caught.value.message and len(caught.value.message) < 400 and "\x1b" not in caught.value.message


def test_budgets_and_options_as_the_command_line_has_them() -> None:
    assert budget_texts({"macs": 5e6, "latency_ms@pixel1": "50%"}) == ("macs=5000000.0", "latency_ms@pixel1=50%")
    assert assigned({"space.width": 0.5, "a": True, "n": 3}) == ("space.width=0.5", "a=true", "n=3")


def test_a_request_knows_the_command_that_asks_for_the_same() -> None:
    request = RunRequest.of(data="digits", latency_ms="50%", from_scratch=True, assignments=("space.width=1",))
    assert _typed(request) == ["--set", "space.width=1", "--data", "digits", "--latency-ms", "50%", "--from-scratch"]
