"""The file: what it may say, and that a mistake is named with its place and what was expected."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from benchmarks.command_line.usage import UsageError
from benchmarks.sweep.file import FLAGS, read_sweep
from benchmarks.sweep.plan import plan

Write = Callable[..., Path]


def test_one_of_a_kind_needs_no_list_and_numbers_are_those_of_yaml_1_2(write: Write) -> None:
    (group,) = read_sweep(write("- {quantizers: vq, bits: 8, seeds: 3, options: {beta: 1e-1}}")).sweep.runs
    assert (group.quantizers, group.bits, group.seeds, group.options) == (["vq"], [8], [3], [{"beta": 0.1}])
    (group,) = read_sweep(write("- {quantizers: [vq, all], bits: [], options: [{}, {beta: 1}]}")).sweep.runs
    assert (group.bits, group.seeds, group.options) == ([], [0], [{}, {"beta": 1}])


def test_groups_can_be_made_from_each_other(write: Write) -> None:
    first, second = read_sweep(write("- &five {quantizers: [fsq, lfq], seeds: 1}\n- {<<: *five, bits: 4}")).sweep.runs
    assert second.quantizers == first.quantizers
    assert (second.bits, second.seeds) == ([4], [1])


def test_settings_are_the_flags_of_the_run_in_either_spelling(write: Write) -> None:
    assert {"train.batch-size", "data.limit-test", "dim", "checkpoint-every", "cpu"} <= FLAGS.keys()
    assert not {"quantizer", "seed", "preset", "force"} & FLAGS.keys()
    text = "- quantizers: vq\n  settings: {train.batch_size: 8, train.betas: [0.5, 0.9], data.limit-test: null}"
    (group,) = read_sweep(write(text)).sweep.runs
    given_flags = group.settings.model_dump(exclude_unset=True, by_alias=True)
    assert given_flags == {"train.batch-size": 8, "train.betas": (0.5, 0.9), "data.limit-test": None}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "sweep.yaml", "keys with values"),
        ("- fsq", "sweep.yaml", "keys with values"),
        ("runs: [", "line 1", "no YAML"),
        ("output: a\noutput: b\nruns: []", "line 2", 'duplicate key "output"'),
        ("? [a]\n: 1", "sweep.yaml", "plain keys"),
        ("preset: quick", "runs", "missing"),
        ("preset: quick\nruns: []", "line 2, runs", "at least one"),
        ("preset: fast\nruns: [{quantizers: vq}]", "line 1, preset", "'smoke', 'quick'"),
        ("output: 3\nruns: [{quantizers: vq}]", "line 1, output", "found 3"),
        ("runs:\n- quantizers: vq\n  bit: 3", "line 3, runs[0].bit", "quantizers, bits, seeds, options, settings"),
        ("runs:\n- bits: 3", "line 2, runs[0].quantizers", "missing"),
        ("runs:\n- quantizers: [vq, fqs]", "line 2, runs[0].quantizers[1]", "did you mean"),
        ("runs:\n- quantizers: no.such:Thing", "line 2, runs[0].quantizers[0]", "cannot import"),
        ("runs:\n- quantizers: []", "line 2, runs[0].quantizers", "at least one"),
        ("runs:\n- quantizers: vq\n- quantizers: vq\n  bits:\n  - ten", "line 5, runs[1].bits[0]", "integer"),
        ("runs:\n- quantizers: vq\n  seeds: 1.5", "line 3, runs[0].seeds[0]", "integer"),
        ("runs:\n- quantizers: vq\n  bits: true", "line 3, runs[0].bits[0]", "integer"),
        ("runs:\n- quantizers: vq\n  options: [decay]", "line 3, runs[0].options[0]", "keys with values"),
        ("runs:\n- quantizers: vq\n  settings:\n    train.image: 3", "line 4", "did you mean train.images"),
        ("settings: {train.images: many}\nruns: [{quantizers: vq}]", "line 1, settings.train.images", "integer"),
        ("settings: {train.images: yes}\nruns: [{quantizers: vq}]", "line 1, settings.train.images", "integer"),
        ("settings: {data.flip: 3}\nruns: [{quantizers: vq}]", "settings.data.flip", "boolean"),
        ("settings: {train.precision: fp8}\nruns: [{quantizers: vq}]", "settings.train.precision", "'bf16'"),
        ("settings: {train.warmup: .nan}\nruns: [{quantizers: vq}]", "settings.train.warmup", "finite"),
        ("settings: {seed: 3}\nruns: [{quantizers: vq}]", "settings.seed", "no such setting"),
        ("runs:\n- quantizers: vq\n  settings: {train.images: 3}", "line 3, runs[0].settings", "one whole batch"),
        ("runs:\n- quantizers: fsq\n  bits: 70", "line 2, runs[0]: fsq at 70 bits", "1 to 62"),
        ("runs:\n- quantizers: fsq\n  options: {decay: 1}", "line 2, runs[0]", "no option 'decay'"),
        ("runs:\n- quantizers: all\n  options: {a b: 1}", "sweep.yaml", "name=value"),
        ("data: nowhere\nruns: [{quantizers: vq}]", "line 1, data", "no folder nowhere"),
    ],
)
def test_a_mistake_is_named_with_its_place_bad(text: str, place: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        plan(read_sweep(path))
    assert "sweep.yaml" in str(raised.value)
    assert place in str(raised.value)
    assert said in str(raised.value)


def test_all_mistakes_are_named_at_once_bad(write: Write) -> None:
    with pytest.raises(UsageError) as raised:
        read_sweep(write("- {quantizers: fqs, bits: x}\n- {seeds: []}"))
    assert len(str(raised.value).splitlines()) == 4


def test_what_is_no_file_of_text_is_refused_bad(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none", tmp_path, tmp_path / "bytes"):
        with pytest.raises(UsageError, match="cannot read"):
            read_sweep(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | st.sampled_from(["vq", "all", "ten", "", "-1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["beta", "train.images"]), inner),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(st.sampled_from(["quantizers", "bits", "seeds", "options", "settings", "bit"]), VALUES),
    st.dictionaries(st.sampled_from(["preset", "output", "settings", "run"]), VALUES),
)
def test_any_values_are_read_or_refused_in_sentences_bad(
    tmp_path: Path, group: dict[str, object], head: dict[str, object]
) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(repr({**head, "runs": [group]}).replace("None", "null").replace("nan", ".nan"), encoding="utf-8")
    try:
        read_sweep(path)
    except UsageError as error:
        assert all(line.startswith(str(path)) for line in str(error).splitlines())  # noqa: PT017


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_in_a_sentence_bad(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        read_sweep(path)
