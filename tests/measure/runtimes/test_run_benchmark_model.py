"""With a stand-in for benchmark_model that prints what the real one does: see stand_ins.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.files import sha256
from edgenas.measure import worker
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact, Order
from edgenas.measure.measure import measure, probe
from edgenas.measure.measurement import Measurement
from edgenas.measure.protocol import DEFAULT, Protocol
from edgenas.measure.runtimes import run_benchmark_model

from ..stand_ins import benchmark_model

TABLE = Path(__file__).with_name("benchmark_model") / "tabs.txt"
BRIEF = Protocol(rounds=2, max_rounds=3, runs=4)


def device(**settings: str) -> Device:
    return Device(name="phone", description="this machine", runtimes=("benchmark_model",), threads=2,
                  settings={"benchmark_model": settings})


@pytest.fixture
def graphs(tmp_path) -> list[Artifact]:
    for name in "ab":
        (tmp_path / f"{name}.tflite").write_bytes(b"a model")
    return [Artifact(f"net {name}", tmp_path / f"{name}.tflite") for name in "ab"]


def measured(program: Path, graphs: list[Artifact], protocol: Protocol = BRIEF) -> list[Measurement]:
    return list(measure(device(program=str(program)), "benchmark_model", graphs, protocol=protocol))


def test_three_inferences_of_a_run_are_three_samples(tmp_path, graphs):
    program = benchmark_model(tmp_path, 1000, TABLE)
    first, second = measured(program, graphs)
    assert (first.id, second.id, first.threads) == ("net a", "net b", 2)
    # The n-th run takes 1000 + n % 3 us, and 6 and 3 us more. The first of each graph only finds out how fast it is.
    samples = [1000 + n % 3 + more for n in (2, 3, 4, 5) for more in (0, 3, 6)]
    assert first.min_ms == 1.000 and first.median_of_minima_ms == pytest.approx(1.0005)
    assert first.p50_ms == pytest.approx(sorted(samples)[5] / 2e3 + sorted(samples)[6] / 2e3)
    assert first.p90_ms == pytest.approx(1.007, abs=1e-3)
    assert (first.rounds, first.runs, first.agreed) == (2, 12, True)
    assert first.spread == pytest.approx(0.001)


def test_the_program_is_told_what_to_do(tmp_path, graphs):
    program = benchmark_model(tmp_path, 1000, TABLE)
    settings = device(program=str(program), arguments="--use_gpu=true '--label=a b'")
    list(measure(settings, "benchmark_model", graphs[:1], protocol=BRIEF))
    pilot, *runs, profiled = (tmp_path / "told").read_text().splitlines()
    assert pilot == ("--graph=0/model.tflite --warmup_runs=1 --warmup_min_secs=0.3 --num_runs=3 --min_secs=0 "
                     "--num_threads=2 --use_gpu=true --label=a b")
    assert set(runs) == {pilot.replace("0.3", "0.05")} and len(runs) == 2 * 2
    assert "--num_runs=20" in profiled and "--enable_op_profiling=true" in profiled


def test_where_microseconds_are_too_coarse_a_loop_is_a_sample(tmp_path, graphs):
    [found] = measured(benchmark_model(tmp_path, 20, TABLE), graphs[:1])
    # The clock's 100 us hold 5 runs of 20 us or 4 of 22, and the means are 3 us above the fastest.
    assert found.runs in (2 * 2 * 4, 2 * 2 * 5) and 0.023 <= found.min_ms <= 0.025
    assert found.p90_ms <= 0.025


def test_rounds_go_on_until_they_agree(tmp_path, graphs):
    program = benchmark_model(tmp_path, 1000, TABLE)
    # Every third run is slower by a half: with one run a round, two of three rounds agree.
    program.write_text(program.read_text().replace("1000 + $(wc", "1000 + 500 * ($(wc").replace("% 3))", "% 3 == 0)))"))
    protocol = Protocol(rounds=2, max_rounds=4, runs=3)
    [found] = measured(program, graphs[:1], protocol)
    assert (found.rounds, found.agreed, found.min_ms) == (3, True, 1.0)
    [found] = measured(program, graphs[:1], Protocol(rounds=3, max_rounds=3, runs=3))
    assert (found.rounds, found.agreed) == (3, False) and found.spread == pytest.approx(0.5)


def test_operators_are_figures(tmp_path, graphs):
    [found] = measured(benchmark_model(tmp_path, 1000, TABLE), graphs[:1])
    assert found.figures.keys() == {"conv_2d_ms", "depthwise_conv_2d_ms", "average_pool_2d_ms", "squeeze_ms",
                                    "softmax_ms"}
    assert found.figures["softmax_ms"] == 0.233


def test_the_version_is_the_programs_content(tmp_path):
    program = benchmark_model(tmp_path, 1000, TABLE)
    conditions = probe(device(program=str(program)), "benchmark_model")
    assert conditions.version == f"sha256 {sha256(program)[:12]}"
    assert conditions.machine["id"] == worker.describe_machine()["id"]


def test_a_program_of_this_machine_is_pushed(tmp_path, graphs, monkeypatch):
    program = benchmark_model(tmp_path, 1000, TABLE)
    program.chmod(0o644)
    monkeypatch.setenv("EDGENAS_BENCHMARK_MODEL", str(program))
    settings = device(push=True, program="/nonesuch/benchmark_model")
    assert probe(settings, "benchmark_model").version == f"sha256 {sha256(program)[:12]}"
    assert len(list(measure(settings, "benchmark_model", graphs, protocol=BRIEF))) == 2


def test_a_program_that_is_not_there(graphs):
    with pytest.raises(DeviceError, match="there is no program '/nonesuch/benchmark_model' on the device") as caught:
        probe(device(program="/nonesuch/benchmark_model"), "benchmark_model")
    assert "[settings.benchmark_model]" in caught.value.hint


@pytest.mark.parametrize(("variable", "message"), [
    ("nonesuch", "EDGENAS_BENCHMARK_MODEL is 'nonesuch', which is no file"), ("", "does not say what to push")])
def test_a_program_to_push_is_the_users_to_name(graphs, monkeypatch, variable, message):
    monkeypatch.setenv("EDGENAS_BENCHMARK_MODEL", variable)
    with pytest.raises(UsageError, match=message):
        probe(device(push=True), "benchmark_model")


@pytest.mark.parametrize(("settings", "message"), [
    ({"push": "~/.ssh/id_ed25519"}, "settings.benchmark_model.push is '~/.ssh/id_ed25519'; it must be true or false"),
    ({"program": "/system/bin/sh"}, "it must be the path of a benchmark_model there, as no other program is run"),
    ({"program": "-c/benchmark_model"}, "it must be the path of a benchmark_model there"),
    ({"arguments": "-c 'rm -rf /sdcard'"}, "settings.benchmark_model.arguments has '-c'; each must be --NAME=VALUE"),
    ({"arguments": "--use_gpu='\x1b[2J'"}, r"has '--use_gpu=\\x1b\[2J'"),
])
def test_a_devices_file_says_no_program_and_no_file_of_this_machine(settings, message):
    with pytest.raises(UsageError, match=message):
        probe(device(**settings), "benchmark_model")


def test_a_graph_that_the_program_refuses_is_named(tmp_path, graphs):
    program = benchmark_model(tmp_path, 1000, TABLE)
    program.write_text(program.read_text().replace("*broken*", "1/*"))
    found = measure(device(program=str(program)), "benchmark_model", graphs, protocol=BRIEF)
    assert next(found).id == "net a"
    with pytest.raises(DeviceError, match="^'net b' could not be measured with benchmark_model on phone: "
                       "benchmark_model said: the program ended with exit status 1: ERROR: Could not open"):
        next(found)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("Inference timings in us", "Latency in us", "unknown format at 'STARTING!|unknown format .*two lines"),
    ("avg=", "mean=", "unknown format at 'count=3 .*not as any known version"),
    ("count=$count ", "count=7 ", "contradict|made 7 inferences when it was told to make 3"),
    ("Operator-wise", "Node-wise", "there is no table after"),
])
def test_an_unknown_output_is_shown(tmp_path, graphs, old, new, message):
    program = benchmark_model(tmp_path, 1000, TABLE)
    for path in (program, tmp_path / "table.txt"):
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DeviceError, match=f"^'net a' could not be measured with benchmark_model .*: .*({message})"):
        measured(program, graphs)


@pytest.mark.parametrize(("lines", "message"), [
    (["graph 1"], "'graph 1' is not the beginning of graph 0"),
    (["graph 0", "round avg x"], "'round avg x' is none of benchmark_model.sh"),
    (["graph 0", "run", "count=1"], "ended during a run"),
    (["graph 0"], "'graph 0' is the last one, before graph 0 was done"),
    (["graph 0", "done 0"], "ended after 0 rounds of 3"),
])
def test_garbled_lines_are_errors(graphs, lines, message):
    order = Order(tuple(graphs), 1, DEFAULT, options=run_benchmark_model.OPTIONS)
    facts = [f"machine program {'0' * 64}  -", "machine end"]
    translated = run_benchmark_model.lines(order, iter([*facts, *lines]))
    next(translated)
    with pytest.raises(DeviceError, match=message):
        next(translated)


def test_arguments_are_split_as_a_shell_would():
    order = Order((), 1, DEFAULT, options=run_benchmark_model.OPTIONS | {"arguments": "'--use_gpu"})
    with pytest.raises(UsageError, match="settings.benchmark_model.arguments is \"'--use_gpu\": No closing quotation"):
        run_benchmark_model.job(order)
