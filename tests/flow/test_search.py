from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.flow.run import Run
from edgenas.flow.search import layers
from edgenas.flow.work import Work
from edgenas.search.strategies.pc_darts import partial_channels

from .flows import DIGITS, MOCK, OWN_SPACE, QUICK, Finished, Result, copied, edgenas, files, own_space, write_profile


def searched(tmp_path: Path, *arguments: object, scale: float = 1.0) -> Result:
    """A search whose profile says `scale` times the true latencies."""
    write_profile(tmp_path / "profiles", own_space(), scale)
    return edgenas("search", *QUICK, "--profiles", tmp_path / "profiles", "--out", tmp_path / "run", "--json",
                   *arguments)


def test_a_model_that_predicts_too_low_is_corrected_until_the_measured_network_holds(tmp_path: Path):
    result = searched(tmp_path, "--latency-ms", "0.1446", scale=0.7)
    assert result.code == 0, result.err
    decoding = json.loads((tmp_path / "run" / "decoding.json").read_text())
    first, *others = decoding["rounds"]
    assert not first["within"] and first["predicted"]["latency_ms"] <= 0.1446 < first["measured"]["latency_ms"]
    assert others and others[0]["predicted"]["latency_ms"] <= 0.1446
    (budget,) = result.document["budgets"]
    assert budget["measured"] <= 0.1446 and budget["within"]
    assert f"round 1: latency_ms predicted {first['predicted']['latency_ms']:.4g} measured" in result.err
    assert len({json.dumps(r["architecture"]) for r in decoding["rounds"]}) == len(decoding["rounds"])


def test_a_budget_that_only_the_model_holds_ends_with_the_measured_figures(tmp_path: Path):
    result = searched(tmp_path, "--latency-ms", "0.045", scale=0.5)
    result.refused(3, "none of", "decoded networks held the budget when measured: latency_ms 0.0", "of 0.045",
                   "raise the budget")
    assert result.document["error"]["kind"] == "budget"
    assert not (tmp_path / "run" / "architecture.json").exists()


@pytest.mark.parametrize("budgets", [("--latency-ms", "0.01"), ("--budget", "macs=100"),
                                     ("--latency-ms", "85%", "--budget", "peak_memory_kib=1")])
def test_a_budget_out_of_reach_is_refused_before_the_search_with_the_range(tmp_path: Path, budgets):
    result = searched(tmp_path, *budgets)
    result.refused(3, "no network of this space holds", "the space reaches from", "--budget")
    assert set(files(tmp_path / "run")) == {"run.json", "data.json"}



def test_the_smallest_network_can_be_had(tmp_path: Path):
    for strategy in ("random", "snas"):
        result = edgenas("search", *QUICK, "--strategy", strategy, "--search-epochs", "1", "--budget", "macs=12960",
                         "--out", tmp_path / strategy, "--json")
        assert result.code == 0, result.err
        assert result.document["architecture"] == {"1": "skip", "2": "skip"}


def test_networks_are_tried_as_the_supernet_was_trained(tmp_path: Path, monkeypatch):
    seen = []

    def noted(supernet, share):
        seen.append((share, supernet.training))
        return partial_channels(supernet, share)

    monkeypatch.setattr("edgenas.search.strategies.pc_darts.partial_channels", noted)
    result = edgenas("search", *QUICK, "--strategy", "pc_darts", "--set", "share=2", "--search-epochs", "1", "--budget",
                     "macs=69%", "--out", tmp_path / "run", "--json")
    assert result.code == 0, result.err
    assert seen[0] == (2, True) and seen[-1] == (2, False)


def test_evolved_candidates_are_tried_instead_of_sampled_ones(tmp_path: Path):
    asked = (*DIGITS, *MOCK, *OWN_SPACE, "--search-epochs", "1", "--budget", "macs=80%")
    evolution = ("search.scoring=evolution", "search.candidates=4", "search.population=2", "search.trials=0")
    given = [word for text in evolution for word in ("--set", text)]
    found = edgenas("search", *asked, *given, "--profiles", tmp_path / "p", "--out", tmp_path / "run", "--json")
    assert found.code == 0, found.err
    tried = json.loads((tmp_path / "run" / "search.json").read_text())["tried"]
    # Of this space's nine networks two use more than 95% of that budget, and no others are asked for.
    assert len(tried) == 2 and len({json.dumps(row["architecture"]) for row in tried}) == 2
    best = max(tried, key=lambda row: row["validation"])
    assert found.document["architecture"] == best["architecture"]
    assert "evolve candidates: 4" in found.err


def test_what_was_predicted_is_told_layer_by_layer(finished: Finished, tmp_path: Path):
    decoding = json.loads((finished.folder / "decoding.json").read_text())
    work = Work(Run.open(copied(finished, tmp_path / "run")))
    assert [layer.to_json() for layer in layers(work, work.architecture)] == [
        row | {"predicted": pytest.approx(row["predicted"])} for row in decoding["layers"]]  # the last digit varies
    assert [row["place"] for row in decoding["layers"]] == ["0", "1", "2", "3", "overhead"]
    assert sum(row["predicted"]["latency_ms"] for row in decoding["layers"]) == pytest.approx(
        decoding["predicted"]["latency_ms"])
    assert [row["candidate"] for row in decoding["layers"][1:3]] == list(decoding["architecture"].values())


def test_a_finished_search_is_not_done_again(finished: Finished, tmp_path: Path, monkeypatch):
    from edgenas.flow import search
    from edgenas.progress import Silent

    run = Run.open(copied(finished, tmp_path / "run"))
    monkeypatch.setattr(search, "search", lambda *_, **__: pytest.fail("searched again"))
    assert dict(search.search_phase(Work(run), Silent())) == finished.result.document["architecture"]
