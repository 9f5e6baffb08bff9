"""`python -m benchmarks.speed`: stored group by group, none measured twice, shown from what is stored."""

import json
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.protocols.speed import apart, catalogue, conditions, measure, run, series
from benchmarks.protocols.speed.goals import TimesFaster
from benchmarks.protocols.speed.measure import Effort
from benchmarks.protocols.speed.methods import vq_ema
from benchmarks.protocols.speed.search import search_work
from benchmarks.protocols.speed.steps import training_work
from benchmarks.protocols.speed.work import Competitor, Work
from benchmarks.records import speed as record
from benchmarks.records.files import RecordError
from benchmarks.records.speed import PEERS, PROTOCOL, Limits, read_run
from benchmarks.speed import __main__ as command
from benchmarks.tables import speed as tables

Calls = list[str]

PROCESSES = 2


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Two works of two competitors that write down when they are built; rounds are few and the machine is made up."""
    built: Calls = []

    def competitor(work: str, name: str, size: int) -> Competitor:
        def make(device: torch.device) -> Callable[[], object]:
            built.append(f"{work} {name}")
            rows = torch.ones(size, 100)
            return lambda: rows.sum()

        return Competitor(name, "ones", make)

    def works() -> list[Work]:
        return [
            Work(
                "search",
                subject,
                {"N": 10},
                (competitor(subject, "ours", 10), competitor(subject, "vector-quantize-pytorch", 5000)),
                (TimesFaster("vector-quantize-pytorch", 1e9),),
                long=subject == "long",
            )
            for subject in ("first", "second", "long")
        ]

    def here(work: Work, device: torch.device, threads: int, effort: Effort) -> record.Group:
        return measure.measure(work, device, effort)

    monkeypatch.setattr(run, "measure_apart", here)
    monkeypatch.setattr(catalogue, "works", works)
    monkeypatch.setattr(catalogue, "sweep_works", lambda: [search_work(64, 4, 8), training_work(vq_ema(64, 4, 8))])
    for name in ("FULL", "QUICK", "SWEEP"):
        processes = PROCESSES if name == "FULL" else 1
        monkeypatch.setattr(series, name, Effort(least=2, most=2, seconds=0, processes=processes))
    monkeypatch.setattr(measure, "SAMPLE_SECONDS", 1e-6)
    monkeypatch.setattr(measure, "peak_memory_growth", lambda work, device: work())
    monkeypatch.setattr(run, "measure_limits", lambda device: Limits(flops_per_second=1e11, bytes_per_second=1e10))
    return built


def start(folder: Path, *words: str) -> int:
    return command.main(["--output", str(folder), "--threads", "1", *words])


def stored(folder: Path) -> list[record.SpeedRun]:
    return [each for _, each in record.read_runs(folder)[0]]


def test_a_run_holds_all_that_a_reader_needs(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path) == 0
    (file,) = tmp_path.glob("*.json")
    raw = json.loads(file.read_text())
    assert raw["protocol"] == PROTOCOL == raw["conditions"]["protocol"]
    assert raw["conditions"]["threads"] == raw["conditions"]["environment"]["threads"] == 1
    assert set(raw["conditions"]["packages"]) == {*PEERS, "search kernels"}
    assert [group["work"] for group in raw["groups"]] == [
        f"{name} search, N=10" for name in ("first", "second", "long")
    ]
    for group in raw["groups"]:
        assert [result["competitor"] for result in group["results"]] == ["ours", "vector-quantize-pytorch"]
        for result in group["results"]:
            assert set(result) >= {"median_seconds", "ratio", "peak_bytes", "codes_per_second", "given"}
            assert [len(rounds) for rounds in result["seconds"]] == [2] * PROCESSES
    assert re.search(r"[0-9a-f]{40}", raw["conditions"]["environment"]["commit"])


def test_what_is_stored_is_not_measured_again_unless_asked(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path) == 0
    first = stored(tmp_path)
    assert len(calls) == 6 * PROCESSES
    assert start(tmp_path) == 0
    assert len(calls) == 6 * PROCESSES
    assert stored(tmp_path) == first
    assert start(tmp_path, "--force") == 0
    assert len(calls) == 12 * PROCESSES
    assert stored(tmp_path) != first


def test_a_stopped_run_keeps_what_it_has_and_goes_on(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []

    def interrupted(work: Work, device: torch.device, threads: int, effort: Effort) -> record.Group:
        begun.append(work.subject)
        if len(begun) == 5:
            raise KeyboardInterrupt
        return measure.measure(work, device, effort)

    with monkeypatch.context() as patched:
        patched.setattr(run, "measure_apart", interrupted)
        assert start(tmp_path) == 130
    assert begun == ["first", "second", "long", "first", "second"]  # none again before all
    assert "goes on from there" in capsys.readouterr().err
    (before,) = stored(tmp_path)
    assert [(group.subject, group.processes) for group in before.groups] == [("first", 2), ("second", 1), ("long", 1)]
    calls.clear()
    assert start(tmp_path) == 0
    assert [name for name in calls if name.endswith("ours")] == ["second ours", "long ours"]
    (after,) = stored(tmp_path)
    assert [(group.subject, group.processes) for group in after.groups] == [("first", 2), ("second", 2), ("long", 2)]
    assert after.groups[0] == before.groups[0]
    assert after.groups[1].results[0].seconds[0] == before.groups[1].results[0].seconds[0]


def test_other_code_is_another_run(tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(tmp_path) == 0
    monkeypatch.setattr(conditions, "_code_digest", lambda folders: "changed")
    assert start(tmp_path) == 0
    assert len(calls) == 12 * PROCESSES
    assert len(stored(tmp_path)) == 2


def test_the_code_digest_sees_a_changed_line(tmp_path: Path) -> None:
    source = tmp_path / "search.py"
    source.write_text("a = 1\n")
    before = conditions._code_digest([tmp_path])
    source.write_text("a = 2\n")
    assert conditions._code_digest([tmp_path]) != before


def test_quick_leaves_out_long_works_and_is_stored_apart(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path, "--quick") == 0
    assert [group.subject for group in stored(tmp_path)[0].groups] == ["first", "second"]
    assert start(tmp_path) == 0
    assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*.json")) == ["quick", "works"]


def test_each_number_of_threads_is_a_run(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path, "--threads", "1", "2") == 0
    assert [each.conditions.threads for each in stored(tmp_path)] == [1, 2]


def test_the_sweep_is_stored_and_drawn(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path, "--sweep") == 0
    assert {each.conditions.series for each in stored(tmp_path)} == {"works", "sweep"}
    (picture,) = tmp_path.glob("sweep-*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.with_suffix(".svg").read_text().count("<svg") == 1


def test_the_report_measures_nothing_and_fills_the_readme_again_and_again(
    tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "GOAL_THREADS", 1)
    readme = tmp_path / "README.md"
    missed = "<!-- speed-missed -->\nold\n<!-- end of speed-missed -->\n"
    readme.write_text(f"# Title\n<!-- speed -->\nold\n<!-- end of speed -->\n{missed}rest\n")
    (tmp_path / "other.md").write_text(missed)
    assert start(tmp_path) == 0
    assert start(tmp_path, "--quick") == 0
    calls.clear()
    for _ in range(2):
        assert start(tmp_path, "--report", "--readme", str(readme)) == 0
    assert calls == []
    text = readme.read_text()
    assert text.startswith("# Title\n<!-- speed -->\n\n**")
    assert text.endswith("|\n\n<!-- end of speed-missed -->\nrest\n")
    assert text.count("first search, N=10") == 2  # in both, and not that of the quick run
    assert "`sum` " in text
    assert start(tmp_path, "--report", "--readme", str(tmp_path / "other.md")) == 0
    assert (tmp_path / "other.md").read_text().count("first search, N=10") == 1
    assert "old" not in text
    assert "first search, N=10" in capsys.readouterr().out


def test_a_users_mistakes_are_sentences(
    tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    readme = tmp_path / "README.md"
    readme.write_text("no markers")
    (tmp_path / "file").write_text("")
    for words, message in (
        (["--device", "cuda"], "no CUDA device"),
        (["--readme", str(readme)], "no lines <!-- speed -->"),
        (["--readme", str(tmp_path / "nowhere.md")], "cannot read"),
        (["--report"], "no stored run"),
        (["--output", str(tmp_path / "file")], "cannot write"),
    ):
        assert start(tmp_path, *words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.startswith("error: ")
        assert "Traceback" not in error
    assert calls == []


def test_a_file_that_is_no_speed_run_is_named(tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(tmp_path) == 0
    (path,) = tmp_path.glob("*.json")
    raw = json.loads(path.read_text())
    bad = {
        "text.json": "{",
        "other.json": json.dumps({"protocol": "reconstruction/1", "schema_version": 1}),
        "newer.json": json.dumps({**raw, "schema_version": 99}),
        "lacking.json": json.dumps({key: value for key, value in raw.items() if key != "limits"}),
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(RecordError, match=name):
            read_run(tmp_path / name)
    assert start(tmp_path, "--report") == 0
    shown = capsys.readouterr().err
    assert all(name in shown for name in bad)
    path.write_text("{")
    assert start(tmp_path) == 2
    assert "not a readable JSON file" in capsys.readouterr().err


def test_a_run_of_schema_1_is_read_as_one_process(tmp_path: Path, calls: Calls) -> None:
    assert start(tmp_path, "--quick") == 0
    (path,) = tmp_path.glob("*.json")
    raw = json.loads(path.read_text())
    seconds = [result["seconds"][0] for result in raw["groups"][0]["results"]]
    for group in raw["groups"]:
        for result in group["results"]:
            (result["seconds"],) = result["seconds"]
    path.write_text(json.dumps({**raw, "schema_version": 1, "protocol": "speed/3"}))
    run = read_run(path)
    assert [result.seconds for result in run.groups[0].results] == [[rounds] for rounds in seconds]
    assert "speed/3" in tables.title(run)
    assert "1 process ·" in tables.title(run)


@pytest.mark.slow
def test_each_work_is_measured_in_a_process_of_its_own_which_imports_what_it_needs() -> None:
    work = next(work for work in catalogue.works() if work.kind == "accumulation")
    group = apart.measure_apart(work, torch.device("cpu"), 1, Effort(least=2, most=2, seconds=0, processes=3))
    assert (group.work, group.processes) == (work.name, 1)
    assert [result.competitor for result in group.results] == [each.name for each in work.competitors]
    assert all(len(result.seconds[0]) == 2 for result in group.results)
    # what it did there left nothing here
    assert multiprocessing.active_children() == []


def test_the_written_protocol_is_this_version() -> None:
    document = Path(measure.__file__).parents[1] / "speed.md"
    assert re.findall(r"^Version: `(.+)`$", document.read_text(encoding="utf-8"), re.MULTILINE) == [PROTOCOL]
