"""What `python -m benchmarks.stability` does with its arguments."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import torch
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.bars import counting_bar
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data import test_batches
from benchmarks.metrics.codes import has_codebook
from benchmarks.protocols.stability.measure import measure
from benchmarks.records.environment import environment
from benchmarks.records.files import if_stored, write_model
from benchmarks.records.record import ELSEWHERE, QuantizerRecord, Record
from benchmarks.records.stability import PROTOCOL, SCHEMA, Change, Replaced, Stability, path_for, read_stability
from benchmarks.stability.arguments import Arguments
from benchmarks.training.picture_models import PictureModel, published_model, trained_models


def measure_all(arguments: Arguments, command: str, console: Console, errors: Console) -> None:
    """Measure and store every tokenizer that is not stored yet.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    require_writable(arguments.output)
    if arguments.model is not None:
        models = [published_model(arguments.model, arguments.checkpoint, arguments.image_size, errors)]
    else:
        models = trained_models(arguments.runs, errors)
    for model in models:
        measure_one(model, arguments, command, console)


def measure_one(model: PictureModel, arguments: Arguments, command: str, console: Console) -> None:
    """Measure a tokenizer and store what was found; one that has no codes, or is stored, is passed over in words.

    Raises:
        UsageError: nothing else was asked for, and it has no codes.
    """
    stored = model.about if isinstance(model.about, Record) else None
    tokenizer = model.load()
    if not all(map(has_codebook, tokenizer.quantizers)):
        if len(arguments.runs) == 1 and arguments.runs[0].is_file():
            raise UsageError(f"{model.name} has no codebook, so there are no codes to compare: choose a quantizer")
        console.print(f"{escape(model.name)}: no codebook, so no codes to compare", soft_wrap=True)
        return
    data = model.open_pictures(arguments.data, arguments.root, arguments.limit)
    path = path_for(arguments.output, model.name, data.record["fingerprint"], arguments.batch_size)
    if if_stored(path, read_stability) is not None and not arguments.force:
        console.print(f"{escape(model.name)}: measured already, in {escape(str(path))}", soft_wrap=True)
        return
    started = time.monotonic()
    quantizer = tokenizer.quantizers[0]
    batches = (pictures for _, pictures in test_batches(data, arguments.batch_size))
    with counting_bar(console) as bar:
        task = bar.add_task(escape(model.name), total=len(data.test))
        found = measure(tokenizer, batches, (model.image_size,) * 2, progress=lambda count: bar.advance(task, count))
    changes = [
        Change(name=name, changed=of.changed / of.codes, psnr_lost=of.lost / of.pictures)
        for name, of in found.changes.items()
    ]
    record = Stability(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        tokenizer=model.name,
        preset=stored.preset if stored else ELSEWHERE,
        quantizer=stored.quantizer if stored else QuantizerRecord.of(model.name, {}, quantizer),
        backbone=type(tokenizer).__name__,
        data=data.record,
        batch_size=arguments.batch_size,
        psnr=found.psnr,
        changes=changes,
        replaced=[Replaced(share=share, psnr=value) for share, value in found.replaced.items()],
        invariant_price=found.invariant_price,
        missing=found.missing,
        environment=environment(torch.device("cpu")),
        command=command,
        created=datetime.now(timezone.utc),
        wall_seconds=time.monotonic() - started,
    )
    write_model(path, record)
