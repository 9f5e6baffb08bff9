"""What `python -m benchmarks.tokens` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data import DataConfig
from benchmarks.data.sources import open_source
from benchmarks.tokens import cluster
from benchmarks.tokens.arguments import Arguments
from benchmarks.tokens.executors import Alone, Executor, Ranks
from benchmarks.tokens.opening import Named, open_tokenizer
from benchmarks.tokens.work import Classes, Work
from benchmarks.training.in_step import in_step, in_turn
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig
from benchmarks.training.signals import PartData, signal_of_data
from priors.fingerprint import fingerprint
from priors.layout import equal_codes
from priors.token_index import Contents
from priors.token_writer import TokenSetWriter


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


def open_work(
    arguments: Arguments, executor: Executor, accelerator: Accelerator, console: Console, errors: Console
) -> Work:
    """What is to be made, with everything found out that can be wrong with it."""
    named = open_tokenizer(arguments, errors)
    signal = signal_of_data(named.data)
    config = signal.elsewhere(named.data, arguments.data, arguments.limit, arguments.root)
    in_turn(f"the {signal.noun}", partial(signal.find, config), accelerator)
    classes = classes_of(config) if arguments.classes else None
    data = in_step(f"the {signal.noun}", partial(signal.open_part, config, arguments.part, executor.parallel))
    console.print(escape(data.words), soft_wrap=True, highlight=False)
    # whole batches in each file, so that whoever makes one makes the same batches
    shard = max(1, signal.shard_items // arguments.batch_size) * arguments.batch_size
    contents = contents_of(named, data, classes, arguments)
    writer = TokenSetWriter(arguments.output, contents, len(data.test), shard, arguments.format)
    return Work(named.tokenizer, signal, data, classes, writer, arguments.batch_size)


def make(work: Work, executor: Executor, numbers: Sequence[int], console: Console) -> bool:
    """Have the files made under a progress bar; whether this process is the one that sees all of them made."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    to_do = sum(len(work.writer.places(number)) for number in numbers)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(work.signal.noun, total=work.writer.count, completed=work.writer.count - to_do)
        return executor.make(work, numbers, partial(bar.advance, task))


def choose(arguments: Arguments, accelerator: Accelerator) -> AbstractContextManager[Executor]:
    """Who makes the files."""
    if arguments.ray is None:
        several = accelerator.num_processes > 1
        return nullcontext(Ranks(accelerator) if several else Alone(accelerator.device))
    if accelerator.num_processes > 1:
        raise UsageError("--ray starts processes by itself: give the command without torchrun")
    return cluster.executor(arguments)


def make_tokens(arguments: Arguments, console: Console, errors: Console) -> int:
    """Compute and store the codes; 0 when all are there.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    arguments.check()
    accelerator = make_accelerator(TrainConfig(), arguments.cpu)
    console.quiet = errors.quiet = not accelerator.is_main_process
    require_writable(arguments.output)
    with choose(arguments, accelerator) as executor:
        work = open_work(arguments, executor, accelerator, console, errors)
        writer, noun = work.writer, work.signal.noun
        length = writer.contents.ids.length
        where = f"{'ids of several lengths' if length is None else f'{length} ids each'}, in {arguments.output}"
        numbers = in_step("the folder", partial(executor.prepare, writer))
        errors.quiet = False  # from here on each meets its own
        if writer.is_finished:
            if accelerator.is_main_process:
                writer.finish().verify()
            console.print(f"done already: {writer.count:,} {noun}, {escape(where)}", soft_wrap=True)
            return 0
        if len(numbers) < len(writer.shards):
            done = writer.count - sum(len(writer.places(number)) for number in numbers)
            console.print(f"{done:,} of {writer.count:,} {noun} are stored already", soft_wrap=True)
        if make(work, executor, numbers, console):
            writer.finish()
            console.print(f"stored: {writer.count:,} {noun}, {escape(where)}", soft_wrap=True)
    return 0
