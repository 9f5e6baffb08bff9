"""From a configuration to data that are checked, decoded where memory allows, described for the record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import UInt8
from rich.console import Console
from torch import Tensor

from benchmarks.data.checking import Usable, content_digest, report, sampled, try_each
from benchmarks.data.config import DataConfig
from benchmarks.data.datasets import Decoder, TestPictures, TrainingPictures, protocol_crop
from benchmarks.data.division import Part, take_evenly, usable_of
from benchmarks.data.machine import MEMORY_SHARE, Parallel, in_threads, memory_budget, own_console
from benchmarks.data.naming import short_name
from benchmarks.data.pictures import Pictures, Source, Subset
from benchmarks.data.sizes import PictureSize, extent_of, written
from benchmarks.data.sources import open_source
from benchmarks.data.transforms import crop_rule
from storage.paths import printable

BYTES_PER_PIXEL = 4  # what PIL keeps of an RGB picture

SAMPLED, SAMPLED_EACH = 2**30, 2**13
"""Bytes of training files that their content is known by: at most these of all together, but at least these of each."""


@dataclass(frozen=True, kw_only=True)
class EvaluationData:
    """What a tokenizer is tested on."""

    test: TestPictures
    record: dict[str, Any]
    """What the pictures are and how they were chosen, cropped and checked; JSON-able."""
    words: str
    """How many of them were taken by which rule, for the screen."""
    workers: int | None
    """Loading processes asked for; None: by rule."""


@dataclass(frozen=True, kw_only=True)
class Data(EvaluationData):
    """What a run trains and tests on."""

    train: TrainingPictures


class Head(NamedTuple):
    """What a first look at a training picture tells.

    Attributes:
        size: (width, height) once decoded.
        content: Digest of its name and of its file, or of a part of it.
    """

    size: tuple[int, int]
    content: str


def open_data(config: DataConfig, console: Console | None = None) -> Data:
    """Find, check and decode the pictures.

    Broken and tiny pictures are left out, named on the console (default: standard error of one process per
    machine) and in the record. Every test picture is decoded once here, of every training picture at least
    the head is read. What fits into a quarter of the available memory stays there; what does not is decoded
    again whenever it is needed.

    The record names the pictures by two digests. `fingerprint` is of their names, of the test pictures' crops and of
    the training pictures' sizes; it is part of a run's id. `content`, in the record of the training pictures, is of
    their names and of their files: the length of each, and its bytes, of N pictures at most max(1 GiB / N, 8 KiB) of
    each, half of them its first and half its last. Pictures of torchvision and the bundled ones count by their pixels
    instead. A record or checkpoint of another content is that of other pictures, whatever its name; one that was
    stored without a content is taken for the same.

    Raises DataError, with one sentence, for a source that is missing, empty, too small, or wholly unreadable.
    """
    console = console or own_console()
    source = open_source(config)
    to_train = take_evenly(source.open_train(), config.limit_train, Subset)
    to_test = take_evenly(source.test, config.limit_test, Subset)
    budget = memory_budget()
    test, test_record = _open_test(config.image_size, to_test, budget, console)
    budget_left = budget - test_record["bytes_in_memory"]
    train, train_record = _open_train(config, source, to_train, budget_left, console)
    record = {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": source.split,
        "image_size": config.image_size,
        "fingerprint": content_digest(train_record["fingerprint"], test_record["fingerprint"]),
        "train": train_record,
        "test": test_record,
        "memory_share": MEMORY_SHARE,
    }
    report(console, {**train_record["skipped"], **test_record["skipped"]})
    counts = f"{train_record['pictures']:,} pictures to train on, {len(test):,} to test on"
    words = f"{record['name']}: {counts} ({source.choice})"
    return Data(train=train, test=test, record=record, words=words, workers=config.workers)


ONE_PASS = 2**26
"""Bytes of crops that stay in memory at most where each is seen once; more are decoded as they are seen, so that memory
does not grow with their number."""


def open_evaluation_data(
    config: DataConfig,
    part: Part | None = None,
    console: Console | None = None,
    *,
    budget: int | None = None,
    size: PictureSize | None = None,
    parallel: Parallel = in_threads,
) -> EvaluationData:
    """Find, check and decode pictures to test on only, with the protocol's crop of each.

    Args:
        config: Where they are; `limit_test` holds for whatever part.
        part: Which of them; unless given all, but of a source that comes with a part for tests that.
        console: As for `open_data`.
        budget: Crops stay in memory if they fit into so many bytes, by default those of `open_data`.
        size: Of the crops; squares of the configuration's `image_size` unless given.
        parallel: What decodes them.

    Raises:
        DataError: as `open_data`.
    """
    console = console or own_console()
    source = open_source(config)
    part = part or source.measured
    pictures = source.part(part)
    budget = memory_budget() if budget is None else budget
    size = config.image_size if size is None else size
    height, width = extent_of(size)
    chosen = take_evenly(pictures, config.limit_test, Subset)
    test, test_record = _open_test(size, chosen, budget, console, parallel)
    record = {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": source.words(part),
        **({} if part == source.measured else {"part": part}),
        "image_size": min(height, width),
        **({} if height == width else {"extent": [height, width], "sizes": f"{written((height, width))} px"}),
        "fingerprint": test_record["fingerprint"],
        "test": test_record,
        "memory_share": MEMORY_SHARE,
    }
    report(console, test_record["skipped"])
    count = f"{len(test):,}" if len(test) == len(pictures) else f"{len(test):,} of {len(pictures):,}"
    which = "all" if part == "all" else f"those that {part} ({source.choice})"
    words = f"{record['name']}: {count} pictures, {which}"
    return EvaluationData(test=test, record=record, words=words, workers=config.workers)


def _open_test(
    size: PictureSize, pictures: Pictures, budget: int, console: Console, parallel: Parallel = in_threads
) -> tuple[TestPictures, dict[str, Any]]:
    in_memory = len(pictures) * 3 * math.prod(extent_of(size)) <= budget

    def read(index: int) -> tuple[str, UInt8[Tensor, "3 h w"] | None]:
        crop = protocol_crop(pictures, size, index)
        return content_digest(pictures.name(index), crop.numpy().tobytes()), crop if in_memory else None

    usable = try_each(pictures, read, "reading test pictures", console, parallel=parallel)
    crops = [crop for _, crop in usable.results.values() if crop is not None]
    test = TestPictures(usable_of(pictures, usable, Subset), size, torch.stack(crops) if in_memory else None)
    return test, {
        "pictures": len(test),
        "skipped": usable.skipped,
        "crop": crop_rule(size),
        "fingerprint": content_digest(*(digest for digest, _ in usable.results.values())),
        "bytes_in_memory": test.crops.nbytes if test.crops is not None else 0,
    }


def _open_train(
    config: DataConfig, source: Source, everything: Pictures, budget: int, console: Console
) -> tuple[TrainingPictures, dict[str, Any]]:
    plan = Decoder(everything, config.image_size, source.crop_sides)
    most = max(SAMPLED_EACH, SAMPLED // max(1, len(everything)))

    def look(index: int) -> Head:
        with everything.open(index) as picture, everything.stored(index, picture) as file:
            return Head(plan.size(picture), content_digest(everything.name(index), *sampled(file, most)))

    heads = try_each(everything, look, "checking pictures", console)
    pictures = usable_of(everything, heads, Subset)
    decoder = Decoder(pictures, config.image_size, source.crop_sides)
    found = list(heads.results.values())
    needed = sum(width * height * BYTES_PER_PIXEL for (width, height), _ in found)
    in_memory = needed <= budget
    whole = try_each(pictures, decoder, "reading training pictures", console) if in_memory else Usable({}, {})
    names_and_sizes = (f"{pictures.name(number)} {head.size}" for number, head in enumerate(found))
    return TrainingPictures(decoder, config.flip, whole.results if in_memory else None), {
        "pictures": len(pictures) - len(whole.skipped),
        "skipped": {**heads.skipped, **whole.skipped},
        "crop": source.crop_rule + (", mirrored half the time" if config.flip else ""),
        "fingerprint": content_digest(*names_and_sizes),
        "content": content_digest(*(head.content for head in found)),
        "bytes_in_memory": needed if in_memory else 0,
    }
