"""Every number that a command takes has a range, and nothing outside of it is taken, whichever way it comes."""

import importlib
import math
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Interval
from hypothesis import HealthCheck, given, settings, strategies as st

import benchmarks
from autoencoders.ranges import out_of_range
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.protocols.source_coding.run import RunConfig as SourceRun
from benchmarks.sweep.file import FLAGS, Group, read_sweep
from benchmarks.training.arguments import Arguments as RunArguments
from benchmarks.training.prior_settings import PriorSettings
from benchmarks.training.settings import RunConfig, TrainConfig


@cache
def every_kind() -> tuple[type, ...]:
    """All dataclasses that the flags of any command make, and those that are made of them."""
    modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]
    arguments = {vars(module)["Arguments"] for module in modules if "Arguments" in vars(module)}
    found: dict[type, None] = {}
    for kind in sorted([*arguments, PriorSettings, RunConfig, SourceRun], key=lambda kind: kind.__module__):
        found |= dict.fromkeys(parts_of(kind))
    return tuple(found)


def parts_of(kind: type) -> Iterator[type]:
    """A dataclass and those inside it."""
    yield kind
    for hint in get_type_hints(kind).values():
        for part in (hint, *get_args(hint)):
            if is_dataclass(part) and isinstance(part, type):
                yield from parts_of(part)


def numbers_in(hint: Any) -> Iterator[tuple[type, Interval | None]]:
    """The kinds of numbers in a type, each with its range."""
    if get_origin(hint) is Annotated:
        of, *limits = get_args(hint)
        ranges = [limit for limit in limits if isinstance(limit, Interval)]
        if of in (int, float):
            yield of, ranges[0] if ranges else None
        else:
            yield from numbers_in(of)
    elif hint in (int, float):
        yield hint, None
    elif not (isinstance(hint, type) and is_dataclass(hint)):
        for part in get_args(hint):
            yield from numbers_in(part)


@cache
def numeric_fields() -> list[tuple[type, str, Any]]:
    return [
        (kind, name, hint)
        for kind in every_kind()
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if list(numbers_in(hint))
    ]


def number(of: type, limit: Interval, *, fits: bool) -> st.SearchStrategy[Any]:
    """Numbers inside of a range, or outside of it."""
    low = limit.ge if limit.ge is not None else limit.gt
    high = limit.le if limit.le is not None else limit.lt
    strict = {"exclude_min": limit.ge is None, "exclude_max": limit.le is None and high is not None}
    if fits and of is int:
        return st.integers(low, high - (limit.le is None))
    if fits:
        return st.floats(low, high, allow_nan=False, allow_infinity=False, **strict)
    never = st.sampled_from([math.nan, math.inf, -math.inf, 10**400, True, "1"])
    numbers: Any = st.integers if of is int else st.floats
    below = numbers(max_value=low) if limit.ge is None else numbers(max_value=low).filter(lambda value: value != low)
    if high is None:
        return never | below
    above = numbers(min_value=high) if limit.le is None else numbers(min_value=high).filter(lambda value: value != high)
    return never | below | above | (st.floats(low, high).filter(lambda value: value % 1) if of is int else never)


def values(hint: Any, *, fits: bool) -> st.SearchStrategy[Any]:
    """Values of a field, in which a number is out of its range, or none."""
    if get_origin(hint) is Annotated and get_args(hint)[0] in (int, float):
        ((of, limit),) = numbers_in(hint)
        assert limit is not None
        return number(of, limit, fits=fits)
    if get_origin(hint) is Annotated:
        return values(get_args(hint)[0], fits=fits)
    if get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis:
        return st.lists(values(get_args(hint)[0], fits=fits), min_size=1, max_size=3).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*(values(each, fits=fits) for each in get_args(hint)))
    return values(get_args(hint)[0], fits=fits)  # or None


def make(kind: type, **changed: Any) -> Any:
    """One of a dataclass, with a value for what has no default."""
    needed = [one for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    own = {"quantizer": "fsq", "bits": 8, "options": {}, "seed": 0, "preset": "smoke", "source": "gaussian"}
    own |= {"block_length": 4, "settings": None, "file": Path("x"), "run": (Path("x"),), "runs": (Path("x"),)}
    own |= {"data": "x", "output": Path("x")}
    return kind(**{one.name: own[one.name] for one in needed} | changed)


def said_of(kind: type, name: str, value: Any) -> str:
    """What is said of a value where a dataclass is made of it, or its flags are read; "" of one that is taken."""
    try:
        made = make(kind, **{name: value})
    except ValueError as error:
        return str(error)
    problems = dict(out_of_range(made))
    return f"{name} {problems[name]}" if name in problems else ""


def test_every_number_of_every_command_has_a_range() -> None:
    assert len(every_kind()) > 20
    assert len(numeric_fields()) > 90
    without = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind, name, hint in numeric_fields()
        if any(limit is None or (limit.ge is None and limit.gt is None) for _, limit in numbers_in(hint))
    ]
    assert without == []


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_number_out_of_its_range_is_refused_by_name(data: st.DataObject) -> None:
    kind, name, hint = data.draw(st.sampled_from(numeric_fields()))
    value = data.draw(values(hint, fits=False))
    assert said_of(kind, name, value).startswith(f"{name} must be")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_number_in_its_range_is_taken_or_refused_in_a_sentence(data: st.DataObject) -> None:
    kind, name, hint = data.draw(st.sampled_from(numeric_fields()))
    value = data.draw(values(hint, fits=True))
    problem = said_of(kind, name, value)  # it may be too many for other fields
    assert not re.match(f"{name} must be (an integer|a finite number|a number|a tuple|one or more|. values)", problem)


@pytest.mark.parametrize("flag", [flag for flag, kind in FLAGS.items() if list(numbers_in(kind))])
def test_a_sweep_refuses_the_same_numbers_and_says_the_line(flag: str, tmp_path: Path) -> None:
    is_list = get_origin(FLAGS[flag]) is tuple
    for bad in (".nan", "-1", "1.0e+400", "text"):
        file = tmp_path / "sweep.yaml"
        value = f"[{bad}, {bad}]" if is_list else bad
        file.write_text(f"runs:\n- quantizers: fsq\n  settings:\n    {flag}: {value}\n")
        with pytest.raises(UsageError, match=rf"line 4, .*{flag}"):
            read_sweep(file)


@pytest.mark.parametrize(("key", "bad"), [("seeds", "-1"), ("seeds", "4294967296"), ("bits", "-1"), ("bits", "[.nan]")])
def test_rates_and_seeds_of_a_sweep_have_their_ranges(key: str, bad: str, tmp_path: Path) -> None:
    assert key in Group.model_fields
    file = tmp_path / "sweep.yaml"
    file.write_text(f"runs:\n- quantizers: fsq\n  {key}: {bad}\n")
    with pytest.raises(UsageError, match=rf"line 3, runs\[0\]\.{key}"):
        read_sweep(file)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--seed 1 -1", "--seed must be an integer from 0 to 4294967295, got -1"),
        ("--checkpoint-every 0", "--checkpoint-every must be an integer from 1"),
        ("--seed", "--seed must be one or more, got none"),
        ("--quantizer", "--quantizer must be one or more"),
        ("--train.betas 1.5 0.9", "train: betas must be a finite number >= 0 and < 1, got 1.5"),
        ("--train.accumulation 0", "train: accumulation must be an integer from 1"),
        ("--train.accumulation 5", "train.batch_size 32 does not divide into 1 process(es) x 5 part(s)"),
        ("--train.learning-rate -1", "train: learning_rate must be a finite number >= 0, got -1.0"),
        ("--loss.gan-weight nan", "loss: gan_weight must be a finite number >= 0, got nan"),
    ],
)
def test_flags_out_of_range_end_in_a_sentence(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_flags(RunArguments, "benchmarks.run", words.split())
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("compare", "--bits -1"),
        ("evaluate.arguments", "--batch-size 0"),
        ("evaluate.arguments", "--limit 0"),
        ("generate.arguments", "--run x --seed -1"),
        ("generate.arguments", "--run x --checkpoint-every 0"),
        ("reproduce.arguments", "--checkpoint-every 0 x"),
        ("sources.arguments", "--seed 4294967295"),
        ("sources.arguments", "--block-length 0"),
        ("sources.arguments", "--workers 0"),
        ("speed.arguments", "--threads"),
        ("speed.arguments", "--threads 0"),
        ("speed.positions", "--repeats 0"),
        ("sweep.arguments", "--workers 0 x"),
        ("sweep.arguments", "--gpus-per-run nan x"),
        ("throughput.arguments", "--threads 0"),
        ("tokens.arguments", "--id-offset -1 --data x --output y"),
        ("tokens.arguments", "--limit 0 --data x --output y"),
    ],
)
def test_every_command_refuses_by_the_name_of_the_flag(
    command: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = importlib.import_module(f"benchmarks.{command}").Arguments
    with pytest.raises(SystemExit) as ended:
        parse_flags(kind, command, words.split())
    assert ended.value.code == 2
    flag = next(word for word in words.split() if word.startswith("--") and word != "--run")
    assert capsys.readouterr().err.startswith(f"error: {flag} must be ")


@pytest.mark.parametrize(
    ("betas", "said"), [((0.9,), "2 values"), (0.9, "2 values"), ((0.9, None), "finite"), ("ab", "2 values")]
)
def test_a_pair_is_a_pair(betas: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"betas must be .*{said}"):
        TrainConfig(betas=betas)
