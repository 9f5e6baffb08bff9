"""What `python -m benchmarks.tokens` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data import DataConfig, DataError
from benchmarks.data.sources import open_source
from benchmarks.metrics.device import full_float32
from benchmarks.tokens.arguments import Arguments
from benchmarks.tokens.opening import Named, open_tokenizer
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig
from benchmarks.training.signals import PartData, signal_of_data
from priors.fingerprint import fingerprint
from priors.layout import equal_codes
from priors.token_index import Contents
from priors.token_writer import TokenSetWriter
from storage.paths import printable


class Classes(NamedTuple):
    """Names of the classes by label."""

    names: tuple[str, ...]

    def label(self, of_picture: str | int) -> int:
        """The label of a class, given by its name or number. DataError for a number that has no name."""
        if isinstance(of_picture, str):
            return self.names.index(printable(of_picture))
        if of_picture >= len(self.names):
            raise DataError(f"a picture is of class {of_picture}, and there are {len(self.names)}, from 0 on")
        return of_picture

    def labels(self, data: Any, places: Sequence[int]) -> list[int]:
        """Those of the pictures at some places."""
        return [self.label(data.test.pictures.class_of(place)) for place in places]


def classes_of(config: Any) -> Classes:
    """The classes of the data. UsageError for those that have none."""
    if not isinstance(config, DataConfig):
        raise UsageError("--classes is for pictures: no source of sounds says of what class each is")
    return Classes(open_source(config).class_names())


def contents_of(named: Named, data: PartData, classes: Classes | None, arguments: Arguments) -> Contents:
    """What the codes will be. ValueError where the tokenizer cannot take items of that size."""
    signal = signal_of_data(named.data)
    codes_per_position, codebook_size = equal_codes(named.tokenizer)
    record: dict[str, Any] = {name: data.record[name] for name in ("name", "split", *signal.sizes)}
    record |= {name: data.record["test"][name] for name in (signal.noun, "skipped", "crop", "fingerprint")}
    return Contents(
        fingerprint=fingerprint(named.tokenizer),
        tokenizer=named.name,
        maps=named.tokenizer.maps,
        grids=signal.grids(named.tokenizer, named.data),
        codes_per_position=codes_per_position,
        codebook_size=codebook_size,
        classes=() if classes is None else classes.names,
        data={"part": arguments.part, **record},
        id_offset=arguments.id_offset,
    )


@torch.no_grad()
def encode(
    named: Named, data: PartData, classes: Classes | None, writer: TokenSetWriter, batch_size: int, console: Console
) -> None:
    """The codes of all items that are not done, under a progress bar."""
    signal = signal_of_data(named.data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with full_float32(), Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(signal.noun, total=len(data.test), completed=writer.done)
        for places, codes in signal.codes(named.tokenizer, data, batch_size, writer.done):
            names = [printable(data.test.name(place)) for place in places]
            writer.add(codes, None if classes is None else classes.labels(data, places), names)
            bar.advance(task, len(names))
    writer.finish()


def make_tokens(arguments: Arguments, console: Console, errors: Console) -> int:
    """Compute and store the codes; 0 when all are there.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    arguments.check()
    accelerator = make_accelerator(TrainConfig(), arguments.cpu)
    if accelerator.num_processes > 1:
        raise UsageError("python -m benchmarks.tokens is one process: start it without torchrun")
    require_writable(arguments.output)
    named = open_tokenizer(arguments, errors)
    signal = signal_of_data(named.data)
    config = signal.elsewhere(named.data, arguments.data, arguments.limit, arguments.root)
    classes = classes_of(config) if arguments.classes else None
    data = signal.open_part(config, arguments.part)
    console.print(escape(data.words), soft_wrap=True, highlight=False)
    # whole batches in each shard, so that a command that goes on makes the same batches
    shard = max(1, signal.shard_items // arguments.batch_size) * arguments.batch_size
    writer = TokenSetWriter(arguments.output, contents_of(named, data, classes, arguments), shard)
    length = writer.contents.ids.length
    where = f"{'ids of several lengths' if length is None else f'{length} ids each'}, in {arguments.output}"
    if writer.finished:
        writer.finish().verify()
        console.print(f"done already: {writer.done:,} {signal.noun}, {escape(where)}", soft_wrap=True)
        return 0
    if writer.done:
        console.print(f"going on after {writer.done:,} of {len(data.test):,} {signal.noun}", soft_wrap=True)
    named.tokenizer.to(accelerator.device)
    encode(named, data, classes, writer, arguments.batch_size, console)
    console.print(f"stored: {writer.done:,} {signal.noun}, {escape(where)}", soft_wrap=True)
    return 0
