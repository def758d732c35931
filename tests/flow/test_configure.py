from __future__ import annotations

import pytest

from edgenas.cost.budget import Request
from edgenas.errors import UsageError
from edgenas.flow.configure import budgets, check_accelerator, part
from edgenas.flow.requests import RunRequest
from edgenas.flow.target import runtime_of
from edgenas.measure.device import load_device


def test_budgets_in_the_order_given_latency_first():
    found = budgets(RunRequest(latency_ms="50%", budgets=("macs=5e6", "flash_kib=90")))
    assert found == (Request("latency_ms", 0.5, True), Request("macs", 5e6), Request("flash_kib", 90))


@pytest.mark.parametrize(("latency", "others", "words"), [
    (None, (), "no budget is given"), ("0.3", ("latency_ms=50%",), "the budget of latency_ms is given twice"),
    (None, ("macs=1e6", "macs=50%"), "the budget of macs is given twice"), (None, ("mcas=1e6",), "'mcas' is no known"),
])
def test_budgets_that_cannot_be_meant(latency, others, words):
    with pytest.raises(UsageError, match=words):
        budgets(RunRequest(latency_ms=latency, budgets=others))


def test_options_of_one_part():
    assert part({"space.width": "0.5", "search.epochs": "3", "temperature.start": "5"}, "space") == {"width": "0.5"}


def test_a_device_s_first_runtime_is_its_default():
    host = load_device("host")
    assert runtime_of(host, None) == "onnxruntime" and runtime_of(host, "tvm") == "tvm"
    with pytest.raises(UsageError, match="'mock' is no known runtime of device 'host'"):
        runtime_of(host, "mock")


def test_an_accelerator_that_is_not_there_is_refused(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "mps"):
        with pytest.raises(UsageError, match=f"no accelerator {name!r}"):
            check_accelerator(name)
    for name in ("auto", "cpu"):
        check_accelerator(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_accelerator("cuda")
