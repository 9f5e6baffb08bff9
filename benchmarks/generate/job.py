"""What is to be done: a prior on a stored run's tokenizer, with everything that it needs; `opening` opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from benchmarks.command_line.flags import as_flags
from benchmarks.protocols.generation.codes import CodeBatch, Encoder, in_order, of_crops
from benchmarks.protocols.generation.drawing import drawn_labels
from benchmarks.protocols.generation.settings import GenerationConfig
from benchmarks.records.files import LOGS
from benchmarks.records.generation import (
    PRIOR_PREFIX,
    SAMPLES_PREFIX,
    SamplingRecord,
    path_for,
    sampling_digest,
    tokens_name,
)
from benchmarks.records.priors import Generation, read_generations
from benchmarks.records.record import Record
from benchmarks.records.values import as_command, digest, plain
from benchmarks.tables.comparable import asked_bits, label
from benchmarks.training.codes import crops, shuffled
from benchmarks.training.prior_settings import PriorPreset, PriorSettings, changes, generation_changes
from benchmarks.training.signals import PartData, Signal, SignalData, signal_of_data
from priors import Prior, create_prior
from priors.token_set import TokenSet

BATCH = 64
"""Items at a time where no number depends on it."""


@dataclass(frozen=True)
class Tokens:
    """Token sets, in the place of a run's pictures."""

    train: TokenSet
    test: TokenSet

    @property
    def data(self) -> dict[str, Any]:
        """What they are of."""
        return {"train": self.train.contents.data, "test": self.test.contents.data}


@dataclass(frozen=True)
class Job:
    """A prior on a run's tokenizer, to be trained unless it is stored, and drawn from; everything is opened and
    checked.

    Attributes:
        run: The run's record.
        run_path: Its file.
        settings: Of the prior's training.
        preset: The name that these are changed from.
        seed: Of weights and order.
        weights: Digest of the run's weights.
        generation: What is drawn; its seed where it is not that of the training, its classes by their names.
        encoder: The run's tokenizer.
        config: Where its data are, and of what size.
        data: The run's pictures or sounds.
        real: Those of them that train, each once.
        tokens: What is trained on and measured with instead of pictures.
        words: The command that trains the prior, before what says how it is drawn from.
    """

    run: Record
    run_path: Path
    settings: PriorSettings
    preset: PriorPreset
    seed: int
    weights: str
    generation: GenerationConfig
    encoder: Encoder
    config: Any
    data: SignalData
    real: PartData
    tokens: Tokens | None
    words: tuple[str, ...]

    @property
    def signal(self) -> Signal:
        """What the codes are of."""
        return signal_of_data(self.config)

    @property
    def data_record(self) -> dict[str, Any]:
        """What the record says of what is trained on and measured with."""
        return self.data.record if self.tokens is None else self.tokens.data

    @property
    def other_seed(self) -> int | None:
        """The seed where it is not that of the run."""
        return None if self.seed == self.run.seed else self.seed

    @property
    def comparable(self) -> str:
        """A digest of what priors on several tokenizers must share for their numbers to be compared: each has the seed
        of its run, or all have another one."""
        return digest(self.settings.digest, None if self.tokens is None else self.tokens.data, self.other_seed)

    @property
    def changes(self) -> dict[str, Any]:
        """What of the training differs from the preset's own on the run's pictures and seed, by flag."""
        changed = changes(self.settings, self.preset)
        if self.tokens is not None:
            changed["train_tokens"] = tokens_name(self.tokens.data)
        return changed if self.other_seed is None else {**changed, "seed": self.seed}

    @property
    def drawn(self) -> str:
        """A digest of what is drawn."""
        return sampling_digest(plain(asdict(self.generation)))

    def stored(self) -> list[Generation]:
        """The prior as it is stored, with each of its samplings; nothing where it is not."""
        prefixes = tuple(f"{prefix}{self.run.id}-" for prefix in (PRIOR_PREFIX, SAMPLES_PREFIX))
        files = (path for path in sorted(self.run_path.parent.glob("*.json")) if path.name.startswith(prefixes))
        own = (self.run.id, self.comparable, self.seed)
        return [of for of in read_generations(files, []) if (of.prior.run, of.prior.settings, of.prior.seed) == own]

    def sampling(self) -> SamplingRecord | None:
        """What is stored of such pictures of this prior."""
        return next((of.sampling for of in self.stored() if of.sampling and of.sampling.settings == self.drawn), None)

    @cached_property
    def path(self) -> Path:
        """Where the prior's record belongs; that of an earlier schema stays where it is."""
        known = [of.path for of in self.stored()]
        key = digest(self.comparable, self.seed)
        return known[0] if known else path_for(self.run_path, PRIOR_PREFIX, self.run.id, key)

    @property
    def sampling_path(self) -> Path:
        """Where the record of what is drawn belongs."""
        key = digest(self.path.stem, self.drawn)
        return path_for(self.run_path, SAMPLES_PREFIX, self.run.id, key)

    @property
    def checkpoint(self) -> Path:
        """Where its training is kept until it is done."""
        return self.path.with_suffix(".checkpoint.safetensors")

    @property
    def logs(self) -> Path:
        """Folder of what its training tells trackers."""
        return self.path.with_suffix(LOGS)

    @property
    def name(self) -> str:
        """The run and the prior in a few words."""
        return f"{tokenizer_name(self.run)}, {self.settings.prior}"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the prior's classes, by number; none where it has none."""
        return () if self.tokens is None else self.tokens.train.contents.classes

    @property
    def classes(self) -> tuple[int, ...]:
        """Numbers of the classes that are drawn in turn; none where the prior has none."""
        asked = self.generation.classes or self.class_names
        return tuple(self.class_names.index(name) for name in asked)

    @property
    def generation_seed(self) -> int:
        """Of the pictures."""
        return self.seed if self.generation.seed is None else self.generation.seed

    @property
    def drawn_classes(self) -> list[str]:
        """The name of the class of each picture; none where the prior has none."""
        labels = drawn_labels(self.classes, self.generation.count)
        return [] if labels is None else [self.class_names[label] for label in labels]

    @property
    def about(self) -> str:
        """What a single picture says of itself: which sampling it is of."""
        return f"{self.sampling_path.stem}: {self.command}"

    def item_files(self) -> list[str]:
        """The name of a file for each picture or sound: 00003-cat.png."""
        digits = max(5, len(str(self.generation.count - 1)))  # so that names have the order of the pictures
        words = [re.sub(r"[^\w.-]+", "-", f"-{name}") for name in self.drawn_classes] or [""] * self.generation.count
        return [f"{number:0{digits}}{word}{self.signal.suffix}" for number, word in enumerate(words)]

    @property
    def training_command(self) -> str:
        """What trains the prior again."""
        return as_command(*self.words)

    @property
    def command(self) -> str:
        """What draws the pictures again, after the training where that is not stored."""
        return as_command(*self.words, *as_flags(generation_changes(self.generation, self.preset)))

    def training_codes(self, start: int, accelerator: Accelerator) -> Iterator[CodeBatch]:
        """This process's share of the batches from a step on."""
        train, rank, world_size = self.settings.train, accelerator.process_index, accelerator.num_processes
        if self.tokens is None:
            return crops(self.data, self.encoder, train, self.seed, start, rank, world_size)
        return shuffled(self.tokens.train, self.encoder.layout, train, self.seed, start, rank, world_size)

    def test_codes(self) -> Iterator[CodeBatch]:
        """Codes of the test items, each once."""
        if self.tokens is None:
            return of_crops(self.signal.centre_crops(self.data, self.config, BATCH), self.encoder)
        return in_order(self.tokens.test, self.encoder.layout, BATCH)

    def known_codes(self) -> Iterator[CodeBatch]:
        """Codes of the training items, each once."""
        if self.tokens is None:
            return of_crops(self.real_crops(), self.encoder)
        return in_order(self.tokens.train, self.encoder.layout, BATCH)

    def real_crops(self) -> Iterator[Tensor]:
        """The training items, as the protocol crops them."""
        return self.signal.centre_crops(self.real, self.config, BATCH)

    def prior(self) -> Prior:
        """The prior before its training; equal seeds give equal weights."""
        torch.manual_seed(self.seed)
        quantizers = self.encoder.tokenizer.quantizers
        return create_prior(self.settings.model, self.encoder.layout, len(self.class_names), quantizers)


def tokenizer_name(run: Record) -> str:
    """A run in a few words."""
    return f"{label(run)} {asked_bits(run)} bits seed {run.seed}"
