from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt

from edgenas.errors import UsageError
from edgenas.options import option_names, parse, settings, typed


@dataclass(frozen=True)
class Heat:
    start: Annotated[float, Gt(0)] = 1.0
    end: Annotated[float, Gt(0)] = 0.1


@dataclass(frozen=True)
class Plan:
    kind: ClassVar[str] = "plan"
    epochs: Annotated[int, Ge(1)] = 3
    heat: Heat = Heat(start=5.0, end=0.2)


def build(shape: tuple[int, ...], *, width: Annotated[float, Gt(0)] = 1.0, mode: Literal["fast", "slow"] = "fast",
          on: bool = False) -> None:
    """What options are given to."""


def test_assignments_are_split_at_the_first_equals_sign() -> None:
    assert parse(("a.b=1", "c=x=y", "d=")) == {"a.b": "1", "c": "x=y", "d": ""}
    assert parse(()) == {}


@pytest.mark.parametrize("text", ["a", "", "=1"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form NAME=VALUE"):
        parse((text,))


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="option 'a' is given twice"):
        parse(("a=1", "b=1", "a=1"))


def test_typed_converts_texts_and_fills_in_defaults() -> None:
    assert typed(build, {}, "x") == {"width": 1.0, "mode": "fast", "on": False}
    assert typed(build, {"width": "2", "on": "yes", "mode": "slow"}, "x") == {"width": 2.0, "mode": "slow", "on": True}


@pytest.mark.parametrize(("name", "value"), [
    ("width", "0"), ("width", "wide"), ("width", "inf"), ("width", "nan"), ("mode", "medium"), ("on", "2"),
])
def test_typed_refuses_what_the_annotation_does(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"option {name}={value} of thing is refused: ") as caught:
        typed(build, {name: value}, "thing")
    assert caught.value.hint == f"give {name} another value"


def test_typed_takes_keyword_parameters_only() -> None:
    with pytest.raises(UsageError, match="'shape' is no known option of thing") as caught:
        typed(build, {"shape": "1"}, "thing")
    assert "known: mode, on, width" in caught.value.hint


def test_settings_are_the_defaults_with_the_given_ones_in_their_place() -> None:
    assert settings(Plan, {}, "x") == Plan()
    assert settings(Plan, {"epochs": "7"}, "x") == Plan(epochs=7)
    assert settings(Plan, {"heat.start": "3", "heat.end": "1", "epochs": "2"}, "x") == Plan(2, Heat(3.0, 1.0))


def test_setting_one_inner_option_leaves_the_others_as_their_owner_has_them() -> None:
    assert settings(Plan, {"heat.start": "3"}, "x") == Plan(heat=Heat(start=3.0, end=0.2))


@pytest.mark.parametrize("name", ["epoch", "heat", "epochs.start", "heat.star", "kind", "heat.start.x", ""])
def test_settings_refuse_unknown_names_and_list_the_dotted_ones(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no known option of a plan") as caught:
        settings(Plan, {name: "1"}, "a plan")
    assert "known: epochs, heat.end, heat.start" in caught.value.hint


@pytest.mark.parametrize(("name", "value"), [
    ("epochs", "0"), ("epochs", "1.5"), ("heat.start", "-1"), ("heat.end", "warm"), ("heat.end", "inf"),
])
def test_settings_refuse_values_by_their_dotted_name(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"option {name}={value} of a plan is refused: ") as caught:
        settings(Plan, {name: value}, "a plan")
    assert caught.value.hint == f"give {name} another value"


def test_option_names_are_dotted_and_in_order() -> None:
    assert option_names(Plan) == ["epochs", "heat.start", "heat.end"]
