"""What is trained already: the tokenizers of stored runs, the priors on them, and published tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.markup import escape
from safetensors import SafetensorError, safe_open

from autoencoders import Tokenizer
from autoencoders.pretrained.files import fill, read_tensors
from autoencoders.pretrained.model import Pictures, Pretrained, Signals, Sounds
from autoencoders.pretrained.registry import find_pretrained
from benchmarks.command_line.usage import UsageError, existing_paths
from benchmarks.data import DataConfig
from benchmarks.data.films import FilmConfig
from benchmarks.data.sounds import SoundConfig
from benchmarks.records.files import RecordError
from benchmarks.records.generation import PriorRecord
from benchmarks.records.record import Record, SignalName, StoredRuns, iterate_records
from benchmarks.training.models import build
from benchmarks.training.stored import configuration
from priors import CodeLayout, Prior, create_prior
from priors.settings import CONFIGS, PriorName
from storage.paths import StrPath

DOUBT = "not verified: no test compares it with the authors' own network, so its numbers may not be the authors'"
"""Of a published tokenizer that no test compares with the authors' own."""


def find_runs(paths: Sequence[StrPath], errors: Console) -> StoredRuns:
    """The stored runs, without evaluations.

    Raises:
        UsageError: there is none.
    """
    problems: list[str] = []
    stored = list(iterate_records(existing_paths(paths), problems))
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    runs = [(path, record) for path, record in stored if record.is_run]
    if not runs:
        raise UsageError(f"no stored run in {', '.join(map(str, paths))}; make one with python -m benchmarks.run")
    return runs


def find_run(path: StrPath, errors: Console) -> tuple[Path, Record]:
    """The one stored run there. UsageError as `find_runs`, and where there are several."""
    found = find_runs((path,), errors)
    if len(found) > 1:
        raise UsageError(f"{len(found)} stored runs in {path}: name one of them, as RUN.json")
    return found[0]


def require_tokenizer(path: StrPath, stored: Record) -> None:
    """Raise UsageError unless this version can build the tokenizer of a stored run, and its weights are at hand."""
    path = Path(path)
    configuration(path, stored)
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        raise UsageError(f"{weights} is not there, which has the trained tokenizer; make it again: {stored.command}")
    require_own_weights(weights, "run", stored.id)


def require_signal(path: StrPath, stored: Record, known: Sequence[SignalName] = ("pictures",)) -> None:
    """Raise UsageError unless a stored run is of a signal that the command knows."""
    if stored.signal not in known:
        raise UsageError(
            f"{path}: a tokenizer of {stored.signal}, where this command takes those of {' or '.join(known)}"
        )


def require_own_weights(weights: StrPath, kind: str, owner: str) -> None:
    """Raise UsageError unless a file of weights says that it is of this owner, a "run" or a "prior"."""
    try:
        with safe_open(weights, framework="pt") as file:
            of = (file.metadata() or {}).get(kind)
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{weights}: not a file of weights ({error})") from error
    if of != owner:
        raise UsageError(f"{weights}: the weights of {of or f'no {kind}'}, not of {owner}")


def trained_tokenizer(path: StrPath, stored: Record) -> Tokenizer:
    """The tokenizer of a stored run, in eval mode.

    Raises:
        WeightsError: its weights are not those of this tokenizer.
    """
    path = Path(path)
    tokenizer = build(configuration(path, stored))
    weights = path.with_suffix(".safetensors")
    fill(tokenizer, read_tensors(weights, inside=()), weights)
    return tokenizer.eval()


def trained_prior(path: StrPath, stored: PriorRecord, tokenizer: Tokenizer) -> Prior:
    """A stored prior, in eval mode on the CPU.

    Args:
        path: Its record's file.
        stored: What that holds.
        tokenizer: Whose codes it is over.

    Raises:
        ValueError: its weights are not there, or not its own.
    """
    path = Path(path)
    sizes = CONFIGS[cast(PriorName, stored.prior)](**stored.config["model"])
    prior = create_prior(sizes, CodeLayout(**stored.layout), stored.classes, tokenizer.quantizers)
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        raise RecordError(f"{weights} is not there, which has the prior; make it again: {stored.command}")
    require_own_weights(weights, "prior", stored.id)
    fill(prior, read_tensors(weights, inside=()), weights)
    return prior.eval()


def find_published(name: str, checkpoint: StrPath | None) -> tuple[Pretrained, Path]:
    """The published tokenizer of that name, and its file of weights.

    Raises:
        ValueError: no such tokenizer, or no such file.
    """
    checkpoint = None if checkpoint is None else Path(checkpoint)
    model = find_pretrained(name)
    if checkpoint is None:
        raise UsageError(f"--checkpoint PATH is missing: the weights of {model.name}, to be had from {model.source}")
    if not checkpoint.exists():
        raise UsageError(f"there is no file {checkpoint}: the weights of {model.name}, to be had from {model.source}")
    return model, checkpoint


def data_for(signals: Signals) -> DataConfig | SoundConfig | FilmConfig:
    """Data of the sizes that a published tokenizer is for."""
    if isinstance(signals, Pictures):
        return DataConfig(image_size=signals.image_size)
    if isinstance(signals, Sounds):
        return SoundConfig(sample_rate=signals.sample_rate, channels=signals.channels)
    return FilmConfig(
        frame_size=signals.frame_size,
        frames_per_second=signals.frames_per_second,
        clip_frames=signals.clip_frames,
    )
