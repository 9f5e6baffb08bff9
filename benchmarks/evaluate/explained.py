"""Tokenizers under variants of the protocol: `--explain`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from benchmarks.data import EvaluationData
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.job import TokenizerJob
from benchmarks.evaluate.measure import Measuring
from benchmarks.protocols.variants.measure import Explained, explain, passes
from benchmarks.protocols.variants.variants import VARIANTS, Variant, find_variant
from benchmarks.records.environment import environment
from benchmarks.records.files import if_stored, write_model
from benchmarks.records.variants import PREFIX, PROTOCOL, SCHEMA, Explanation, Row, read_explanation


def chosen_variants(arguments: Arguments) -> Mapping[str, Variant]:
    """Those of --protocol, all unless given. ValueError for a name that there is not."""
    return dict(map(find_variant, arguments.protocol)) if arguments.protocol else VARIANTS


def explanation_path(job: TokenizerJob) -> Path:
    """Where the explanation belongs: beside the record of the evaluation."""
    return job.path.with_name(f"{PREFIX}{job.path.stem}.json")


def explain_all(
    jobs: Sequence[TokenizerJob], variants: Mapping[str, Variant], measuring: Measuring, command: str, console: Console
) -> list[Explanation]:
    """The explanations of tokenizers; one that is stored already with these variants is not made again.

    One process makes them: each variant would have to be gathered by itself.
    """
    explanations = []
    for job in jobs:
        path = explanation_path(job)
        known = None if measuring.force else _stored(path, job, variants)
        if known is None:
            known = _explanation(job, variants, measuring, command, console)
            write_model(path, known)
            console.print(f"{escape(job.name)}: explained in {escape(str(path))}", soft_wrap=True)
        explanations.append(known)
    return explanations


def _stored(path: Path, job: TokenizerJob, variants: Mapping[str, Variant]) -> Explanation | None:
    stored = if_stored(path, read_explanation)
    if stored is None:
        return None
    measured = {row.name for row in stored.rows}
    return stored if stored.weights == job.content and variants.keys() <= measured else None


def _explanation(
    job: TokenizerJob, variants: Mapping[str, Variant], measuring: Measuring, command: str, console: Console
) -> Explanation:
    started = time.perf_counter()
    device, data = measuring.accelerator.device, job.measured_on
    assert isinstance(data, EvaluationData)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{escape(job.name)}, explained", total=passes(variants) * len(data.test))
        found = explain(
            job.tokenizer().to(device),
            data.test.pictures,
            data.record["image_size"],
            device=device,
            weights=measuring.weights,
            variants=variants,
            batch_size=measuring.batch_size,
            progress=partial(bar.advance, task),
        )
    return Explanation(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        evaluation=job.path.stem,
        label=job.label,
        weights=job.content,
        data=data.record,
        rows=_rows(found),
        environment=environment(device),
        command=command,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - started, 2),
    )


def _rows(explained: Mapping[str, Explained]) -> list[Row]:
    """What is stored of each variant."""
    return [
        Row(
            name=name,
            changes=found.variant.changes(),
            source=found.variant.source,
            metrics=found.metrics,
            missing=found.missing,
        )
        for name, found in explained.items()
    ]
