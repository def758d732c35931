"""What a user asks for, typed and checked: the same from the command line and from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgenas.bounds import (
    MOST_EPOCHS,
    MOST_IMAGES,
    MOST_OPERATORS,
    MOST_PROBES,
    MOST_SEED,
    MOST_THREADS,
)
from edgenas.errors import UsageError
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import Precision
from edgenas.text import quoted

Epochs = Annotated[int, Field(ge=1, le=MOST_EPOCHS)]


class Request(BaseModel):
    """Options by the command line's names. Make one with `of`, which says in a sentence what cannot be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Raises: UsageError naming the first option that is unknown, or whose value is refused."""
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            if first["type"] == "extra_forbidden":
                raise UsageError(f"there is no option {quoted(name)}",
                                 f"the options are: {', '.join(sorted(cls.model_fields))}") from error
            raise UsageError(f"{name}={quoted(first.get('input'))} cannot be used: {first['msg']}") from error

    def options(self) -> dict[str, Any]:
        """By name."""
        return dict(self)


class DataRequest(Request):
    data: str = "mnist"
    image_size: int | None = None
    max_images: Annotated[int, Field(ge=1, le=MOST_IMAGES)] | None = None
    on_bad_image: Literal["error", "skip"] = "error"
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] = 0


class TargetRequest(Request):
    device: str = "host"
    runtime: str | None = None
    precision: Precision | None = None
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] | None = None
    profiles: str | None = None


class SpaceRequest(Request):
    """assignments: `NAME=VALUE` each."""

    space: str = "mobile"
    assignments: tuple[str, ...] = ()


class ProfileRequest(DataRequest, TargetRequest, SpaceRequest):
    renew: bool = False
    budget_minutes: float | None = None
    transfer_from: str | None = None
    probes: Annotated[int, Field(ge=1, le=MOST_PROBES)] = 10
    operators: Annotated[int, Field(ge=1, le=MOST_OPERATORS)] | None = None
    like: Path | None = None


class OwnRequest(Request):
    """A network of the user's own. origin: what `--from` names. min_accuracy: in percent."""

    origin: str | None = None
    weights: Path | None = None
    mean: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] | None = None
    std: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] | None = None
    new_head: bool = False
    teach_epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] | None = None
    keep: tuple[str, ...] = ()
    teacher: Path | None = None
    min_accuracy: Annotated[float, Field(gt=0, le=100)] | None = None


class RunRequest(DataRequest, TargetRequest, SpaceRequest, OwnRequest):
    """budgets: `METRIC=VALUE` each, further ones beside `latency_ms`. strategy: by default `snas`, or `importance` for
    a network of the user's own."""

    latency_ms: str | None = None
    budgets: tuple[str, ...] = ()
    statistic: str = Field(default=STATISTICS[0], pattern=f"^({'|'.join(STATISTICS)})$")
    strategy: str | None = None
    search_epochs: Epochs | None = None
    train_epochs: Epochs | None = None
    from_scratch: bool = False
    distill: str | None = None
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    training_precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    max_drop: Annotated[float, Field(ge=0, le=100)] = 0.5


def assigned(options: Mapping[str, Any]) -> tuple[str, ...]:
    """`{"search.epochs": 10}` as the command line has it: `search.epochs=10`."""
    return tuple(f"{name}={_text(value)}" for name, value in options.items())


def budget_texts(budgets: Mapping[str, float | str] | Sequence[str]) -> tuple[str, ...]:
    """`{"macs": 5e6, "latency_ms@pixel1": "50%"}`, or texts that are so already."""
    return assigned(budgets) if isinstance(budgets, Mapping) else tuple(budgets)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
