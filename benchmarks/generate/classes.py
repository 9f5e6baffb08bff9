"""Which classes are drawn, and whether a prior has any: said before hours of training."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.command_line.usage import UsageError
from benchmarks.protocols.generation.settings import GenerationConfig

SAID = 20
"""Names of classes that an error says at most."""


def require_drawable(generation: GenerationConfig, names: Sequence[str], label_dropout: float) -> None:
    """Raise UsageError unless a prior with these classes can be drawn from so."""
    if names and (generation.sampling.guidance == 1 or label_dropout):
        return
    how = "train on token sets of python -m benchmarks.tokens --classes, by --train-tokens and --test-tokens"
    if generation.classes and not names:
        raise UsageError(f"--class needs a prior with classes, and this one has none: {how}")
    if generation.sampling.guidance != 1:
        how = "--model.label-dropout above 0" if names else how
        raise UsageError(f"guidance needs a prior that was trained with and without classes: {how}")


def classes_named(asked: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes by name or number, each once. UsageError where there is no such class."""
    found = []
    for word in asked:
        if word not in names and not (word.isdecimal() and int(word) < len(names)):
            some = ", ".join(names[:SAID]) + (", …" if len(names) > SAID else "")
            raise UsageError(f"--class {word}: there is no such class; there are 0 to {len(names) - 1}: {some}")
        found.append(word if word in names else names[int(word)])
    return tuple(dict.fromkeys(found))
