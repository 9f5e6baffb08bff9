"""What `python -m benchmarks.export` does with its arguments."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape

from autoencoders.formats import SUFFIXES, Part
from autoencoders.programs import (
    ONNX_PACKAGES,
    export_program,
    load_program,
    names,
    require_packages,
    takes_any_extent,
)
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.export.agreement import compare
from benchmarks.export.arguments import Arguments
from benchmarks.export.opening import Subject, open_subject
from benchmarks.records.environment import environment
from benchmarks.records.export import FILE, PROTOCOL, SCHEMA, Export, Program
from benchmarks.records.files import write_model
from benchmarks.records.model_card import exported_card, in_words
from storage.whole_files import replacing

CARD = "README.md"
"""Where the hub looks for a model card."""


def export(arguments: Arguments, command: str, console: Console, errors: Console) -> int:
    """Write the programs, compare them, and store what came of it; 0.

    Raises:
        ValueError: a mistake of the user's, or what cannot be exported, in a sentence.
    """
    require_packages(arguments.format)
    require_writable(arguments.output)
    subject = open_subject(arguments, console, errors)
    folder = arguments.output / subject.name / arguments.format
    if (folder / FILE).exists() and not arguments.force:
        raise UsageError(f"{folder} has this export already: name another --output, or replace it by --force")
    (folder / FILE).unlink(missing_ok=True)  # until the new programs are whole
    for part in arguments.part:
        export_program(_path(folder, part, arguments), subject.tokenizer, part, arguments.format, subject.extent)
    exported = measured(arguments, subject, folder, command)
    with replacing(folder / CARD) as temporary:
        temporary.write_text(str(exported_card(exported, subject.about)), encoding="utf-8")
    write_model(folder / FILE, exported)
    console.print(escape(f"{folder}: {', '.join(of.file for of in exported.programs.values())}"), soft_wrap=True)
    console.print(escape(in_words(exported)), soft_wrap=True, highlight=False)
    return 0


def measured(arguments: Arguments, subject: Subject, folder: Path, command: str) -> Export:
    """What is stored of the programs in a folder: their agreement with the tokenizer."""
    tokenizer = subject.tokenizer
    paths = {part: _path(folder, part, arguments) for part in dict.fromkeys(arguments.part)}
    agreement = compare(tokenizer, {part: load_program(path) for part, path in paths.items()}, subject.batches)
    packages = ("torch", *(ONNX_PACKAGES if arguments.format == "onnx" else ()))
    return Export(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        name=subject.name,
        format=arguments.format,
        programs={
            part: Program(file=path.name, bytes=path.stat().st_size, **names(tokenizer, part)._asdict())
            for part, path in paths.items()
        },
        channels=tokenizer.channels,
        strides=tokenizer.strides,
        extent=None if takes_any_extent(tokenizer) else subject.extent,
        data=subject.data,
        agreement=agreement,
        software={name: version(name) for name in packages},
        environment=environment(torch.device("cpu")),
        command=command,
        created=datetime.now(timezone.utc),
    )


def _path(folder: Path, part: Part, arguments: Arguments) -> Path:
    return folder / f"{part}{SUFFIXES[arguments.format]}"
