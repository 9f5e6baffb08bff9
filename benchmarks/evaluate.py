"""Measure trained tokenizers on other pictures: `python -m benchmarks.evaluate RUN.json --data FOLDER`."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import tyro
from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open

from autoencoders import BlockMean, Tokenizer, finest_stride
from autoencoders.pretrained.files import fill, read_tensors
from benchmarks import formats, tables
from benchmarks.arguments import UsageError, existing_paths, require_writable
from benchmarks.config import TrainConfig, digest
from benchmarks.data import DataConfig, EvaluationData, open_evaluation_data, test_batches
from benchmarks.environment import environment
from benchmarks.evaluation import PROTOCOL, MetricWeights, evaluate
from benchmarks.experiment import BLOCK_MEAN, find_done, make_tokenizer, store_evaluation
from benchmarks.flags import parse_flags
from benchmarks.results import Record, StoredRuns, iterate_records, read_record
from benchmarks.stored import configuration
from benchmarks.training import make_accelerator


@dataclass(frozen=True)
class Arguments:
    """Measure tokenizers that `python -m benchmarks.run` has trained on pictures that they never saw, under the
    reconstruction protocol, and show the table.

    Of a folder all pictures are taken; where it has train/ and val/ (validation/, test/) within it, the latter. Each
    evaluation is stored like a run, in OUTPUT/PRESET/DATA SET, and one that is stored already is not done again. The
    tokenizers are read from RUN.safetensors beside RUN.json. Under `torchrun` several processes share the pictures.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Stored runs (RUN.json), or folders of them."""
    data: str
    """A folder, "photographs", "torchvision:NAME" or "huggingface:NAME[:column]"."""
    output: Path = Path("runs")
    """Folder that evaluations are stored in."""
    limit: int | None = None
    """Take at most this many pictures, evenly from all."""
    batch_size: int = 32
    """Pictures per batch; changes no number."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    force: bool = False
    """Do evaluations again that are stored already."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    inception: Path | None = None
    """Weights of the FID Inception network, for the rFID column; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column; see python -m benchmarks.weights."""


@dataclass(frozen=True)
class Job:
    """A stored run, the pictures that its tokenizer is measured on, and where that is stored."""

    run: Path
    stored: Record
    data: EvaluationData
    path: Path


def find_runs(paths: Sequence[Path], errors: Console) -> StoredRuns:
    """The stored runs, without evaluations of some.

    Raises:
        UsageError: there is none.
    """
    problems: list[str] = []
    stored = list(iterate_records(existing_paths(paths, ()), problems))
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    runs = [(path, record) for path, record in stored if "trained_on" not in record.data]
    if not runs:
        raise UsageError(f"no stored run in {', '.join(map(str, paths))}; make one with python -m benchmarks.run")
    return runs


def require_tokenizer(path: Path, stored: Record) -> None:
    """Raise UsageError unless this version can build the tokenizer of a stored run, and its weights are at hand."""
    configuration(path, stored)
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        raise UsageError(f"{weights} is not there, which has the trained tokenizer; make it again: {stored.command}")
    try:
        with safe_open(weights, framework="pt") as file:
            of = (file.metadata() or {}).get("run")
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{weights}: not a file of weights ({error})") from error
    if of != stored.id:
        raise UsageError(f"{weights}: the tokenizer of {of or 'no run'}, not of {stored.id}")


def trained_tokenizer(path: Path, stored: Record) -> Tokenizer:
    """The tokenizer of a stored run, in eval mode.

    Raises:
        WeightsError: its weights are not those of this tokenizer.
    """
    run = configuration(path, stored)
    tokenizer: Tokenizer
    tokenizer = BlockMean(finest_stride(run.settings.model)) if run.quantizer == BLOCK_MEAN else make_tokenizer(run)
    weights = path.with_suffix(".safetensors")
    fill(tokenizer, read_tensors(weights), weights)
    return tokenizer.eval()


def evaluated_record(job: Job, arguments: Arguments) -> Record:
    """The record of a run turned into that of its evaluation, but for what is measured. Speeds are left out: they
    belong to the run's own table."""
    stored, data = job.stored, job.data.record
    command = ["python", "-m", "benchmarks.evaluate", job.run.as_posix(), "--data", arguments.data]
    if arguments.limit is not None:
        command += ["--limit", str(arguments.limit)]
    return stored.model_copy(
        update={
            "id": job.path.stem,
            "protocol": PROTOCOL,
            "settings": digest(stored.settings, data["fingerprint"]),
            "data": {**data, "trained_on": {name: stored.data[name] for name in ("name", "source", "fingerprint")}},
            "speed": {},
            "training": stored.training.model_copy(update={"images_per_second": None}),
            "command": shlex.join(command),
        }
    )


def evaluation_id(stored: Record, data: EvaluationData) -> str:
    """The file name of an evaluation: the run's, with a digest of both."""
    name = stored.id.rpartition("-")[0]
    return f"{name}-{digest(stored.id, PROTOCOL, data.record['fingerprint'])}"


def prepare(arguments: Arguments, accelerator: Accelerator, errors: Console) -> list[Job]:
    """Everything that can be found wrong is found here, before the first evaluation.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    if arguments.batch_size < 1:
        raise UsageError("--batch-size takes a number from 1")
    runs = find_runs(arguments.runs, errors)
    require_writable(arguments.output)
    opened: dict[int, EvaluationData] = {}
    jobs = []
    for path, stored in runs:
        if _same_source(arguments.data, stored.data["source"]):
            raise UsageError(
                f"{path}: it was trained on {arguments.data}, and its record says how it does on the test part of it"
            )
        require_tokenizer(path, stored)
        size = stored.data["image_size"]
        if size not in opened:
            config = DataConfig(arguments.data, size, root=arguments.root, limit_test=arguments.limit)
            with accelerator.local_main_process_first():  # one process downloads, where there is something to download
                opened[size] = open_evaluation_data(config)
        data = opened[size]
        folder = arguments.output / stored.preset / data.record["name"]
        jobs.append(Job(path, stored, data, folder / f"{evaluation_id(stored, data)}.json"))
    return jobs


def _same_source(one: str, other: str) -> bool:
    folders = [Path(source).expanduser().resolve() for source in (one, other)]
    return one == other or (folders[0] == folders[1] and folders[0].is_dir())


def execute(jobs: Sequence[Job], arguments: Arguments, accelerator: Accelerator, console: Console) -> None:
    """Measure what is not stored yet, under a progress bar; all processes call this."""
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    total = sum(len(job.data.test) for job in jobs)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("pictures", total=total)
        for job in jobs:
            if not arguments.force and find_done(job.path, accelerator) is not None:
                console.print(f"{escape(job.stored.id)}: done already, see {escape(str(job.path))}", soft_wrap=True)
                bar.advance(task, len(job.data.test))
                continue
            bar.update(task, description=escape(job.stored.id))
            _measure(job, arguments, accelerator, weights, lambda count: bar.advance(task, count))
            console.print(f"{escape(job.stored.id)}: stored in {escape(str(job.path))}", soft_wrap=True)


def _measure(
    job: Job,
    arguments: Arguments,
    accelerator: Accelerator,
    weights: MetricWeights,
    advance: Callable[[int], None],
) -> None:
    place = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
    started = time.perf_counter()
    evaluation = evaluate(
        trained_tokenizer(job.run, job.stored).to(accelerator.device),
        test_batches(job.data, arguments.batch_size, **place),
        device=accelerator.device,
        **place,
        weights=weights,
        progress=lambda count: advance(count * accelerator.num_processes),
    )
    if accelerator.is_main_process:
        record = evaluated_record(job, arguments).model_copy(
            update={
                "metrics": evaluation.metrics,
                "missing": evaluation.missing,
                "notes": {**_of_training(job.stored), **evaluation.notes},
                "environment": environment(accelerator.device),
                "created": datetime.now(timezone.utc),
                "wall_seconds": round(time.perf_counter() - started, 2),
            }
        )
        job.path.parent.mkdir(parents=True, exist_ok=True)
        store_evaluation(job.path, record, evaluation)
    accelerator.wait_for_everyone()


def _of_training(stored: Record) -> dict[str, str]:
    """What is to be known of the training, such as which loss it had."""
    return {name: note for name, note in stored.notes.items() if name not in stored.metrics}


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is measured, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.evaluate", argv)
    try:
        accelerator = make_accelerator(TrainConfig(), arguments.cpu)
        console.quiet = errors.quiet = not accelerator.is_main_process
        jobs = prepare(arguments, accelerator, errors)
        execute(jobs, arguments, accelerator, console)
        if accelerator.is_main_process:
            show([job.path for job in jobs], console)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; what was measured is stored, and the same command goes on from there")
        return 130
    return 0


def show(paths: Sequence[Path], console: Console) -> None:
    """The table of the evaluations."""
    records = [(path, read_record(path)) for path in paths]
    resamples = tables.stored_resamples({record.id: path for path, record in records})
    summary = tables.summarise(tables.to_frame(record for _, record in records), resamples)
    formats.print_tables(tables.comparison(summary), console)
    for remark in [tables.LEGEND, *tables.remarks(record for _, record in records)]:
        console.print(escape(remark), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
