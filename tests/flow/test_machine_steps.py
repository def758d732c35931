from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgenas.flow.machine_steps import machine_step, state_steps
from edgenas.measure.worker import describe_machine

CALM = {"load_average": 0.1, "governor": "performance", "frequency_mhz": 1800.0, "temperature_c": 40.0,
        "free_mib": 9000}


def states(**changes: object) -> dict[str, str]:
    return {step.name: step.state for step in state_steps({"cores": 4, "conditions": {**CALM, **changes}})}


def test_a_calm_machine():
    assert set(states().values()) == {"ok"}
    steps = {step.name: step for step in state_steps({"cores": 4, "conditions": CALM})}
    assert steps["free space"].text == "9000 MiB where jobs run" and steps["temperature"].text == "40.0 °C"
    assert not any(step.hint for step in steps.values())


@pytest.mark.parametrize(("name", "changes"), [
    ("free space", {"free_mib": 20}), ("clock governor", {"governor": "powersave"}),
    ("temperature", {"temperature_c": 85.0}), ("load", {"load_average": 3.0}),
])
def test_what_disturbs_is_a_warning_with_what_to_do(name, changes):
    found = states(**changes)
    assert found.pop(name) == "warning" and set(found.values()) == {"ok"}
    [step] = [s for s in state_steps({"cores": 4, "conditions": {**CALM, **changes}}) if s.state == "warning"]
    assert step.hint


def test_what_cannot_be_read_is_skipped_not_made_up():
    found = states(governor=None, frequency_mhz=None, temperature_c=None)
    assert [name for name, state in found.items() if state == "skipped"] == [
        "clock governor", "clock frequency", "temperature"]


def test_this_machine():
    machine = describe_machine()
    assert machine["architecture"] in machine_step(machine).text
    assert len(list(state_steps(machine))) == 5


@given(st.dictionaries(st.sampled_from([*CALM, "more"]),
                       st.none() | st.booleans() | st.text() | st.floats() | st.lists(st.integers())),
       st.none() | st.text() | st.integers())
def test_what_a_device_says_of_itself_is_not_trusted(conditions, cores):
    for machine in ({"id": "m", "cpu": "\x1b[2J\n" * 3, "cores": cores, "conditions": conditions},
                    {"id": "m", "conditions": "hot"}):
        for step in (machine_step(machine), *state_steps(machine)):
            assert step.text.isprintable()
