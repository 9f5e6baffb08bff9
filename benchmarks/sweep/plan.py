"""From the file of a sweep to its jobs: every run once, with the command line that makes it and its record's place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from itertools import product
from typing import Any

from autoencoders.sizes import BackboneName
from benchmarks.command_line.flags import as_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.data import DataError
from benchmarks.records import baselines
from benchmarks.records.files import if_stored
from benchmarks.records.record import read_record
from benchmarks.sweep.file import FLAGS, SweepFile
from benchmarks.sweep.job import Job
from benchmarks.training import planning
from benchmarks.training.arguments import Arguments, parse
from benchmarks.training.resolved import resolve
from benchmarks.training.settings import PresetName, RunConfig, describe
from benchmarks.training.signals import signal_of_data
from benchmarks.training.stored import require_same
from quantizers import list_quantizers


@dataclass(frozen=True)
class Plan:
    """What a sweep is made of."""

    baselines: list[Job]
    """Of each of the settings and rates. Every run does them where they are missing: done first, they are done once."""
    runs: list[Job]
    left_out: list[str]
    """A sentence for each quantizer out of "all" that cannot have the rate or the options."""

    @property
    def jobs(self) -> list[Job]:
        """All of them."""
        return [*self.baselines, *self.runs]


@dataclass(frozen=True)
class _Asked:
    """A run, the arguments of `benchmarks.run` that make it, and what tells it from the others."""

    arguments: Arguments
    run: RunConfig
    name: str


def plan(file: SweepFile) -> Plan:
    """The jobs of a sweep.

    Raises:
        ValueError: a setting, quantizer, rate, option or data source that cannot work, in a sentence.
    """
    asked, left_out = _asked(file)
    if not asked:
        raise UsageError(f"{file.path}: no run is left: {'; '.join(left_out)}")
    by_data: dict[Any, list[_Asked]] = defaultdict(list)
    for one in asked:
        by_data[one.arguments.data].append(one)
    jobs: dict[str, tuple[Job, bool]] = {}
    for config, same_data in by_data.items():
        try:
            data = signal_of_data(config).open(config)  # one at a time: they are large
        except DataError as error:
            raise UsageError(f"{file.place('data')}: {error}") from error
        for one in same_data:
            run = resolve(one.run, data, one.arguments.output)
            record = run.path
            if (known := if_stored(record, read_record)) is not None:
                require_same(known, run)
            log = one.arguments.output / "logs" / f"{record.stem}.log"
            job = Job(one.name, tuple(words(one.arguments)), record, log)
            jobs.setdefault(str(record), (job, one.run.quantizer in baselines.NAMES))
    return Plan(
        [job for job, is_baseline in jobs.values() if is_baseline],
        [job for job, is_baseline in jobs.values() if not is_baseline],
        left_out,
    )


@cache
def _default(preset: PresetName, backbone: BackboneName | None) -> Arguments:
    """What `benchmarks.run` takes where it is told no more than this."""
    return parse(["--preset", preset, *([] if backbone is None else ["--backbone", backbone])])


def _asked(file: SweepFile) -> tuple[list[_Asked], list[str]]:
    """The runs, and why some of "all" are left out."""
    sweep, asked, left_out = file.sweep, [], []
    for number, group in enumerate(sweep.runs):
        changes = _given(group.settings)
        try:
            flags = _given(sweep.settings) | changes
            default = _default(sweep.preset, flags.pop("backbone", None))
            source = default.data.source if sweep.data is None else sweep.data
            base = replace(default, output=sweep.output, data=replace(default.data, source=source))
            settings = with_flags(base, flags)
        except ValueError as error:
            raise UsageError(f"{file.place('runs', number, 'settings')}: {error}") from error
        rates: Sequence[int | None] = group.bits or [None]
        for options, name, bits in product(group.options, _names(group.quantizers), rates):
            arguments = replace(
                settings,
                quantizer=(name,),
                bits=() if bits is None else (bits,),
                seed=tuple(group.seeds),
                options=tuple(option_words(options)),
            )
            try:
                runs = planning.plan(arguments)
            except ValueError as error:
                problem = f"{name}{'' if bits is None else f' at {bits} bits'}: {error}"
                if name in group.quantizers:
                    raise UsageError(f"{file.place('runs', number)}: {problem}") from error
                left_out.append(problem)
                continue
            special = [*arguments.options, *(f"{flag}={value}" for flag, value in changes.items())]
            asked += [_one(arguments, run, special) for run in runs]
    return asked, list(dict.fromkeys(left_out))


def _one(arguments: Arguments, run: RunConfig, special: Iterable[str]) -> _Asked:
    """One of the runs that arguments ask for, with arguments that ask for it alone."""
    if run.quantizer in baselines.NAMES:
        bits = () if run.bits is None else (run.bits,)
        alone = replace(arguments, quantizer=(run.quantizer,), bits=bits, seed=(0,), options=())
        return _Asked(alone, run, describe(run))
    return _Asked(replace(arguments, seed=(run.seed,)), run, " ".join([describe(run), *special]))


def _names(quantizers: Iterable[str]) -> list[str]:
    """The quantizers, "all" being those of the registry, each once."""
    everyone = [entry.name for entry in list_quantizers()]
    return list(dict.fromkeys(name for each in quantizers for name in (everyone if each == "all" else [each])))


def _given(settings: Any) -> dict[str, Any]:
    """The flags that the file sets, by name."""
    return settings.model_dump(exclude_unset=True, by_alias=True)


def with_flags(arguments: Arguments, flags: Mapping[str, Any]) -> Arguments:
    """The arguments with some flags changed, {"train.batch-size": 8}.

    Raises:
        ValueError: values that cannot work together.
    """
    sections: dict[str, dict[str, Any]] = defaultdict(dict)
    for flag, value in flags.items():
        section, _, name = flag.replace("-", "_").rpartition(".")
        sections[section][name] = value
    own = sections.pop("", {})
    parts = {}
    for section, values in sections.items():
        part = getattr(arguments, section)
        if other := [name for name in values if not hasattr(part, name)]:
            raise UsageError(f"{section}.{other[0].replace('_', '-')} is no setting of this backbone")
        parts[section] = replace(part, **values)
    return replace(arguments, **own, **parts)


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Options of a quantizer as --options takes them; text stands as it would there."""
    return [f"{name}={value if isinstance(value, str) else repr(value)}" for name, value in options.items()]


def _attribute(part: Any, name: str) -> Any:
    """None for a setting that another backbone has."""
    return getattr(part, name, None)


def words(arguments: Arguments) -> list[str]:
    """The words that `benchmarks.run` reads as these arguments."""
    default = _default(arguments.preset, arguments.backbone)
    told = ["--quantizer", *arguments.quantizer, "--bits", *map(str, arguments.bits)]
    told += ["--seed", *map(str, arguments.seed), "--preset", arguments.preset, "--data", arguments.data.source]
    told += ["--output", str(arguments.output)]
    if arguments.backbone is not None:
        told += ["--backbone", arguments.backbone]
    if arguments.options:
        told += ["--options", *arguments.options]
    values = {}
    for flag in FLAGS:
        path = flag.replace("-", "_").split(".")
        value, usual = (reduce(_attribute, path, each) for each in (arguments, default))
        if value != usual:
            values[flag] = value
    return told + as_flags(values)
