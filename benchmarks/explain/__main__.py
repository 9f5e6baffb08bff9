"""Explain the numbers of trained tokenizers: `python -m benchmarks.explain RUN.json --data FOLDER`."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from benchmarks import formats
from benchmarks.arguments import UsageError, require_writable
from benchmarks.config import TrainConfig
from benchmarks.data import DataConfig, EvaluationData, open_evaluation_data
from benchmarks.environment import environment
from benchmarks.evaluate import find_runs, require_tokenizer, trained_tokenizer
from benchmarks.evaluation import MetricWeights
from benchmarks.explain.measure import explain, passes
from benchmarks.explain.record import PROTOCOL, SCHEMA, Explanation, rows_of, write_explanation
from benchmarks.explain.tables import LEGEND, remarks, tables
from benchmarks.flags import parse_flags
from benchmarks.protocols.variants import VARIANTS, Variant, find_variant
from benchmarks.results import Record
from benchmarks.tables import asked_bits, label
from benchmarks.training import make_accelerator


@dataclass(frozen=True)
class Arguments:
    """Measure tokenizers that `python -m benchmarks.run` has trained under the reconstruction protocol, with one choice
    of it changed at a time, and as papers' own programs measure, and show how far each moves each number.

    Each is stored as OUTPUT/PRESET/DATA SET/variants-RUN.json.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Stored runs (RUN.json), or folders of them."""
    data: str
    """Whole pictures: a folder, "torchvision:NAME" or "huggingface:NAME[:column]"."""
    protocol: tuple[str, ...] = ()
    """Variants by name, with or without a version; all unless given."""
    output: Path = Path("runs")
    """Folder that explanations are stored in."""
    format: Literal["terminal", "markdown", "latex", "html"] = "terminal"
    """Of the tables."""
    limit: int | None = None
    """Take at most this many pictures, evenly from all."""
    batch_size: int = 32
    """Pictures per batch; changes no number."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    inception: Path | None = None
    """Weights of the FID Inception network, for the rFID column; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column; see python -m benchmarks.weights."""


def in_words(stored: Record) -> str:
    """A stored run's tokenizer: quantizer, rate, what it was trained on."""
    rate = asked_bits(stored)
    return f"{label(stored)}{f' {rate} bits' if rate else ''}, {stored.preset}, trained on {stored.data['name']}"


def explained(
    path: Path,
    stored: Record,
    data: EvaluationData,
    variants: Mapping[str, Variant],
    device: torch.device,
    weights: MetricWeights,
    batch_size: int,
    command: str,
    progress: Callable[[int], None],
) -> Explanation:
    """Measure the tokenizer of one stored run under all variants."""
    started = time.perf_counter()
    found = explain(
        trained_tokenizer(path, stored).to(device),
        data.test.pictures,
        stored.data["image_size"],
        device=device,
        weights=weights,
        variants=variants,
        batch_size=batch_size,
        progress=progress,
    )
    return Explanation(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        run=stored.id,
        label=in_words(stored),
        settings=stored.settings,
        data=data.record,
        rows=rows_of(found),
        environment=environment(device),
        command=command,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - started, 2),
    )


def show(explanation: Explanation, format: str, console: Console) -> None:
    """The tables of one explanation, and what to know of them."""
    if format == "terminal":
        formats.print_tables(tables(explanation), console)
        for remark in [LEGEND, *remarks(explanation)]:
            console.print(escape(remark), soft_wrap=True, highlight=False)
    else:
        written = {"markdown": formats.markdown, "latex": formats.latex, "html": formats.html}[format]
        console.print(written(tables(explanation)), soft_wrap=True, highlight=False, markup=False)


def execute(arguments: Arguments, command: str, console: Console, errors: Console) -> None:
    """Everything that can be found wrong is found before the first tokenizer is measured.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    if arguments.batch_size < 1:
        raise UsageError("--batch-size takes a number from 1")
    variants = dict(map(find_variant, arguments.protocol)) if arguments.protocol else VARIANTS
    runs = find_runs(arguments.runs, errors)
    for path, stored in runs:
        require_tokenizer(path, stored)
    require_writable(arguments.output)
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    device = make_accelerator(TrainConfig(), arguments.cpu).device
    opened = {
        size: open_evaluation_data(
            DataConfig(arguments.data, size, root=arguments.root, limit_test=arguments.limit), errors
        )
        for size in dict.fromkeys(stored.data["image_size"] for _, stored in runs)
    }
    for path, stored in runs:
        data = opened[stored.data["image_size"]]
        with Progress(console=errors, disable=not errors.is_terminal) as bar:
            task = bar.add_task(escape(stored.id), total=passes(variants) * len(data.test))
            explanation = explained(
                path,
                stored,
                data,
                variants,
                device,
                weights,
                arguments.batch_size,
                command,
                partial(bar.advance, task),
            )
        target = arguments.output / stored.preset / data.record["name"] / f"variants-{stored.id}.json"
        write_explanation(target, explanation)
        show(explanation, arguments.format, console)
        errors.print(f"stored: {escape(str(target))}")


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is measured, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.explain", argv)
    try:
        execute(arguments, shlex.join(["python", "-m", "benchmarks.explain", *argv]), console, errors)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; nothing is kept of the tokenizer that was being measured")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
