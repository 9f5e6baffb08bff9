"""The stored run whose tokenizer codes signals, and what its codes are coded under."""

from __future__ import annotations

from pathlib import Path

from benchmarks.command_line.usage import UsageError
from benchmarks.metrics.codes import has_codebook
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record
from benchmarks.training.loading import LoadedRun, load_run
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig
from benchmarks.training.trained import require_tokenizer, trained_tokenizer
from priors import Prior
from priors.code_models import Histogram


def open_run(path: Path, prior: str | None, cpu: bool) -> LoadedRun:
    """A stored run whose tokenizer has codes, on the device, with a prior if one is named.

    Raises:
        ValueError: no such run, or none with codes.
    """
    record = read_record(path)
    require_tokenizer(path, record)
    run = LoadedRun(record, trained_tokenizer(path, record)) if prior is None else load_run(path, prior)
    if not all(map(has_codebook, run.tokenizer.quantizers)):
        raise UsageError(f"{path}: {run.record.quantizer.name} has no codebook, so there are no codes to store")
    run.tokenizer.to(make_accelerator(TrainConfig(), cpu).device)
    return run


def open_histogram(path: Path) -> Histogram:
    """How often each code was used on a run's test data. UsageError where that was not counted."""
    counts = read_arrays(path, ("code_counts",)).get("code_counts")
    if counts is None:
        raise UsageError(
            f"{path} has no counts of its codes (too many to count, or a run on sounds or films from before they were "
            "counted); give --fixed-length or --prior"
        )
    return Histogram(counts)


def require_prior(run: LoadedRun, path: Path, prior: str | None) -> Prior:
    """The prior of a run that was opened with one. UsageError where it has none."""
    if prior is None:
        raise UsageError("coded under a prior: say which by --prior")
    if run.prior is None:
        raise UsageError(f"{path} has no prior {prior}: train one by python -m benchmarks.generate")
    return run.prior
