"""Evaluations one after the other, each stored when it is whole; one that was killed goes on where it was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from accelerate import Accelerator
from accelerate.utils import gather_object
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autoencoders import Tokenizer
from benchmarks.evaluate.job import Job, Place
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.inception import FEATURES
from benchmarks.metrics.weights import MetricWeights, sha256
from benchmarks.protocols.audio import evaluation as audio
from benchmarks.protocols.reconstruction.evaluation import evaluate_pairs
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.reconstruction.pairs import Pairs
from benchmarks.protocols.reconstruction.parts import PartStore
from benchmarks.protocols.reconstruction.references import References
from benchmarks.protocols.reconstruction.words import in_words
from benchmarks.protocols.signal_sets import SignalEvaluation
from benchmarks.protocols.video import evaluation as video
from benchmarks.records.environment import environment
from benchmarks.records.record import SignalName, items
from benchmarks.records.values import digest
from benchmarks.training.experiment import find_done, store_evaluation
from benchmarks.training.in_step import in_step
from benchmarks.training.signals import Measured


@dataclass(frozen=True)
class Measuring:
    """How evaluations are carried out: nothing here changes a number, beyond the rounding of the network's own
    arithmetic."""

    accelerator: Accelerator
    weights: MetricWeights
    batch_size: int
    force: bool
    cache: Path | None
    """Folder of Inception features of originals; None: neither used nor made."""
    video_features: VideoFeatures | None = None
    """Of the network of the Fréchet video distance, where its file was given."""

    @property
    def place(self) -> Place:
        """Of this process."""
        accelerator = self.accelerator
        return Place(accelerator.device, accelerator.process_index, accelerator.num_processes, self.batch_size)

    def parts(self, job: Job) -> PartStore:
        """What is kept of an evaluation while it is not whole. Nothing is taken over from one that could differ in the
        last digit of a number."""
        place = self.place
        here = environment(place.device).model_dump(exclude={"commit"})
        weights = (self.weights.inception is not None, self.weights.lpips_backbone is not None)
        key = digest(job.path.stem, job.content, PROTOCOL, place.batch_size, here, weights)
        features = None if self.weights.inception is None else FEATURES
        return PartStore(parts_folder(job.path), key, features, place.rank, place.world_size)

    def references(self, job: Job) -> References | None:
        """Inception's features of the originals, where they are known from another evaluation. They are those of equal
        pictures, crop, network, device and version of PyTorch."""
        if self.cache is None or self.weights.inception is None:
            return None
        here = environment(self.accelerator.device)
        network = sha256(self.weights.inception)
        about = {
            "data": job.data["name"],
            "fingerprint": job.data["fingerprint"],
            "image_size": job.data["image_size"],
            "protocol": PROTOCOL,
            "network": network,
            "device": here.device,
            "torch": here.torch,
        }
        return References.open(self.cache, digest({**about, "data": ""}), about)


def parts_folder(path: Path) -> Path:
    """Where the parts of an unfinished evaluation lie, beside its record."""
    return path.with_suffix(".parts")


def execute(jobs: Sequence[Job], measuring: Measuring, console: Console) -> None:
    """Measure what is not stored yet, under a progress bar; all processes call this."""
    total = sum(items(job.data["test"]) for job in jobs)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("evaluating", total=total)
        for job in jobs:
            done = None if measuring.force else find_done(job.path, measuring.accelerator)
            if done is not None and job.is_of(done):
                console.print(f"{escape(job.name)}: done already, see {escape(str(job.path))}", soft_wrap=True)
                bar.advance(task, items(job.data["test"]))
                continue
            bar.update(task, description=escape(job.name))
            advance = partial(bar.advance, task)
            in_step(job.name, partial(_measure, job, measuring, console, advance))
            console.print(f"{escape(job.name)}: stored in {escape(str(job.path))}", soft_wrap=True)


def _measure(job: Job, measuring: Measuring, console: Console, advance: Callable[[int], None]) -> None:
    accelerator, place = measuring.accelerator, measuring.place
    began = time.perf_counter()
    found, tokenizer, said = _MEASURES[job.signal](job, measuring, console, advance)
    if accelerator.is_main_process:
        record = job.record(tokenizer, environment(place.device))
        metrics, missing = found.metrics, found.missing
        if (bpp := job.data.get("reconstructions", {}).get("bpp")) is not None:
            metrics, missing = {**metrics, "bpp": bpp}, {name: why for name, why in missing.items() if name != "bpp"}
        measured = {
            "metrics": metrics,
            "missing": missing,
            "notes": {**record.notes, **found.notes, **said},
            "created": datetime.now(timezone.utc),
            "wall_seconds": round(time.perf_counter() - began, 2),
        }
        job.path.parent.mkdir(parents=True, exist_ok=True)
        store_evaluation(job.path, record.model_copy(update=measured), found)
        shutil.rmtree(parts_folder(job.path), ignore_errors=True)
    accelerator.wait_for_everyone()


class _Done(NamedTuple):
    """What was measured, the tokenizer at work if any, and what else the record's notes say."""

    found: Measured
    tokenizer: Tokenizer | None
    said: Mapping[str, str]


def _pictures(job: Job, measuring: Measuring, console: Console, advance: Callable[[int], None]) -> _Done:
    """Part by part, so that what is killed goes on."""
    place, parts = measuring.place, measuring.parts(job)
    if done := sum(gather_object([parts.pictures])):
        advance(done)
        pictures = job.data["test"]["pictures"]
        console.print(f"{escape(job.name)}: going on after {done:,} of {pictures:,} pictures", soft_wrap=True)
    pairs, tokenizer, crop = job.start(place, parts.pictures)
    evaluation = evaluate_pairs(
        cast(Iterator[Pairs], pairs),
        () if tokenizer is None else tokenizer.quantizers,
        device=place.device,
        rank=place.rank,
        world_size=place.world_size,
        weights=measuring.weights,
        progress=lambda count: advance(count * place.world_size),
        store=parts,
        references=measuring.references(job),
        crop=crop,
    )
    return _Done(evaluation, tokenizer, {"protocol": in_words(job.data, evaluation.metrics)})


def _sounds(job: Job, measuring: Measuring, console: Console, advance: Callable[[int], None]) -> _Done:
    """One by one."""
    return _one_by_one(partial(audio.evaluate_coded, sample_rate=job.data["sample_rate"]), job, measuring, advance)


def _films(job: Job, measuring: Measuring, console: Console, advance: Callable[[int], None]) -> _Done:
    """Clip by clip."""
    rate, features = job.data["frames_per_second"], measuring.video_features
    return _one_by_one(
        partial(video.evaluate_coded, frames_per_second=rate, features=features), job, measuring, advance
    )


def _one_by_one(
    evaluate: Callable[..., SignalEvaluation], job: Job, measuring: Measuring, advance: Callable[[int], None]
) -> _Done:
    place = measuring.place
    coded, tokenizer, _ = job.start(place, 0)
    found = evaluate(
        coded,
        quantizers=() if tokenizer is None else tokenizer.quantizers,
        world_size=place.world_size,
        progress=lambda count: advance(count * place.world_size),
    )
    return _Done(found, tokenizer, {})


_MEASURES: Mapping[SignalName, Callable[[Job, Measuring, Console, Callable[[int], None]], _Done]] = {
    "pictures": _pictures,
    "sounds": _sounds,
    "films": _films,
}
