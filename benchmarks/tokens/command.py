"""What `python -m benchmarks.tokens` does with its arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data import ONE_PASS, DataConfig, DataError, EvaluationData, open_evaluation_data, test_batches
from benchmarks.data.sources import open_source
from benchmarks.metrics.codes import has_codebook
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import to_unit_range
from benchmarks.tokens.arguments import Arguments
from benchmarks.training.loop import make_accelerator
from benchmarks.training.picture_models import published_model, trained_model
from benchmarks.training.settings import TrainConfig
from priors import CodeLayout
from priors.fingerprint import fingerprint
from priors.token_index import Contents
from priors.token_writer import SHARD_PICTURES, TokenSetWriter
from storage.paths import printable


class Named(NamedTuple):
    """A tokenizer in eval mode, its name, and the side in pixels of its pictures."""

    tokenizer: Tokenizer
    name: str
    image_size: int


def open_tokenizer(arguments: Arguments, errors: Console) -> Named:
    """The tokenizer that was asked for.

    Raises:
        ValueError: it cannot be had, or it has no codes.
    """
    if arguments.run is not None:
        model = trained_model(arguments.run, errors)
    else:
        model = published_model(str(arguments.model), arguments.checkpoint, arguments.image_size, errors)
    named = Named(model.load(), model.name, model.image_size)
    if not all(map(has_codebook, named.tokenizer.quantizers)):
        raise UsageError(f"{named.name} has no codebook, every channel is kept as a 32-bit float: choose a quantizer")
    return named


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


def contents_of(named: Named, data: EvaluationData, classes: Classes | None, arguments: Arguments) -> Contents:
    """What the codes will be. ValueError where the tokenizer cannot take pictures of that size."""
    layout = CodeLayout.of(named.tokenizer, named.image_size)
    record: dict[str, Any] = {name: data.record[name] for name in ("name", "split", "image_size")}
    record |= {name: data.record["test"][name] for name in ("pictures", "skipped", "crop", "fingerprint")}
    return Contents(
        fingerprint=fingerprint(named.tokenizer),
        tokenizer=named.name,
        maps=named.tokenizer.maps,
        grids=tuple(tuple(grid) for grid in layout.grids),
        codes_per_position=layout.codes_per_position,
        codebook_size=layout.codebook_size,
        classes=() if classes is None else classes.names,
        data={"part": arguments.part, **record},
        id_offset=arguments.id_offset,
    )


@torch.no_grad()
def encode(
    tokenizer: Tokenizer,
    data: EvaluationData,
    classes: Classes | None,
    writer: TokenSetWriter,
    batch_size: int,
    console: Console,
) -> None:
    """The codes of all pictures that are not done, under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    device = next((tensor.device for tensor in tokenizer.state_dict().values()), torch.device("cpu"))
    taken = data.test.pictures
    with full_float32(), Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("pictures", total=len(data.test), completed=writer.done)
        for places, pictures in test_batches(data, batch_size, done=writer.done):
            codes = tokenizer.encode(to_unit_range(pictures.to(device)))
            names = [printable(taken.name(place)) for place in places.tolist()]
            labels = (
                None if classes is None else torch.tensor([*map(classes.label, map(taken.class_of, places.tolist()))])
            )
            writer.add(codes, labels, names)
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
    config = DataConfig(arguments.data, named.image_size, root=arguments.root, limit_test=arguments.limit)
    classes = Classes(open_source(config).class_names()) if arguments.classes else None
    data = open_evaluation_data(config, arguments.part, budget=ONE_PASS)
    console.print(escape(data.words), soft_wrap=True, highlight=False)
    # whole batches in each shard, so that a command that goes on makes the same batches
    shard = max(1, SHARD_PICTURES // arguments.batch_size) * arguments.batch_size
    writer = TokenSetWriter(arguments.output, contents_of(named, data, classes, arguments), shard)
    where = f"{writer.contents.ids.length} ids each, in {arguments.output}"
    if writer.finished:
        writer.finish().verify()
        console.print(f"done already: {writer.done:,} pictures, {escape(where)}", soft_wrap=True)
        return 0
    if writer.done:
        console.print(f"going on after {writer.done:,} of {len(data.test):,} pictures", soft_wrap=True)
    encode(named.tokenizer.to(accelerator.device), data, classes, writer, arguments.batch_size, console)
    console.print(f"stored: {writer.done:,} pictures, {escape(where)}", soft_wrap=True)
    return 0
