"""What `python -m benchmarks.generate` is asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_args

import tyro

from autoencoders.ranges import Count, Seed, Size
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.protocols.generation.settings import GenerationConfig
from benchmarks.records.files import find_records
from benchmarks.training.prior_settings import GENERATIONS, PRESETS, PriorPreset, PriorSettings, preset_settings
from benchmarks.training.settings import TrainConfig
from benchmarks.training.tracking.names import TrackerName, require_trackers
from priors import GPTConfig, PriorConfig, PriorName


@dataclass(frozen=True)
class Arguments:
    """Train a prior on the codes of a stored run's tokenizer, measure how many bits the codes truly cost, draw new
    pictures, sounds or films, and store all of it beside the run, where python -m benchmarks.compare finds it.

    It is trained on the crops that the tokenizer was trained on, encoded as they come, or on token sets of
    python -m benchmarks.tokens. A prior that is stored already is not trained again: with other --generation flags or
    --class it is drawn from at once, and each sampling is stored beside the others. A training that was stopped or
    killed goes on from its checkpoint. Under `torchrun` several processes train; the first one measures.
    """

    run: Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["--runs"])]
    """Stored runs (RUN.json, with RUN.safetensors beside it), or folders of them. Under torchrun write --runs: it takes
    --run for one of its own flags."""
    prior: PriorName = "gpt"
    """gpt: one token after the other. maskgit: several at once, the least certain ones again. var: of a run of the
    quantizer multi-scale, one code map after the other, from coarse to fine."""
    preset: PriorPreset = "quick"
    """Sizes and length of the training: by default the run's own preset. The flags below change single
    settings of it."""
    seed: Seed | None = None
    """Seed of weights, order and, unless --generation.seed says another, pictures; by default the run's own."""
    data: str | None = None
    """Where the run's data are, if elsewhere."""
    train_tokens: Path | None = None
    """Token set of pictures to train on, instead of the run's training crops; with classes the prior is given them."""
    test_tokens: Path | None = None
    """Token set to measure the bits on, instead of the run's test pictures."""
    force: bool = False
    """Train and draw again what is stored already."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    checkpoint_every: Count = 200
    """Steps between checkpoints."""
    log: Annotated[tuple[TrackerName, ...], tyro.conf.arg(aliases=["--log-with"])] = ()
    """What watches the training, one or several: its curves, and drawn pictures at every tenth of it.
    jsonl: files in RUN.logs beside the run. tensorboard, wandb: these programs (extras of the same names). Under
    torchrun write --log-with: it takes --log for one of its own flags."""
    inception: Path | None = None
    """Weights of the FID Inception network, for gFID, precision, recall and Inception Score; see python -m
    benchmarks.weights."""
    png: Annotated[Path | None, tyro.conf.arg(aliases=["--wav", "--webp"])] = None
    """Write each drawn picture into this folder, too: 00000.png, 00001.png and so on, with the name of its class where
    it has one; each drawn sound as 00000.wav, each film as 00000.webp, which moves. Of several runs each gets a folder
    of its own in it."""
    canvas: tuple[Size, ...] = ()
    """Height and width in pixels of one picture to draw instead, larger than the run's own, code by code from a window
    that slides over it: of a run on --data texture:FILE, whose texture it is held against."""
    model: tyro.conf.AvoidSubcommands[PriorConfig] = field(default_factory=GPTConfig)
    flatten: bool = False
    """Where a position has several codes: every one a step of its own, instead of the depth part."""
    delay: bool = False
    """Where a position has several codes: one step after the other, beside those of other positions, as MusicGen has
    them, instead of the depth part."""
    train: TrainConfig = field(default_factory=TrainConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)

    @property
    def extent(self) -> tuple[int, int] | None:
        """Height and width of the canvas, where one is asked for."""
        return (self.canvas[0], self.canvas[1]) if self.canvas else None

    @property
    def settings(self) -> PriorSettings:
        """What two priors must share to be compared."""
        return PriorSettings(self.model, self.flatten, self.delay, self.train)

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if (self.train_tokens is None) != (self.test_tokens is None):
            raise UsageError("--train-tokens and --test-tokens go together: bits are measured on pictures never seen")
        if len(self.canvas) not in (0, 2):
            raise UsageError(f"--canvas takes height and width, got {' '.join(map(str, self.canvas))}")
        if self.canvas and self.png is not None:
            raise UsageError("--canvas is one picture, stored beside the run: leave --png out")
        try:
            _ = self.settings
        except ValueError as error:
            raise UsageError(str(error)) from error
        require_trackers(self.log)
        if self.train.compile:
            raise UsageError("--train.compile is for tokenizers: a prior is not compiled")


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments, the preset's settings being the defaults of the flags that change them."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", choices=get_args(PriorPreset))
    first.add_argument("--prior", choices=get_args(PriorName), default=Arguments.prior)
    first.add_argument("--run", "--runs", nargs="*", type=Path, default=())
    words = first.parse_known_args(list(argv))[0]
    preset = words.preset or _preset_of(words.run)
    own = preset_settings(preset, words.prior)
    default = Arguments(
        run=tyro.MISSING,
        prior=words.prior,
        preset=preset,
        model=own.model,
        flatten=own.flatten,
        delay=own.delay,
        train=own.train,
        generation=GENERATIONS[preset],
    )
    return parse_flags(Arguments, "benchmarks.generate", argv, default)


def _preset_of(runs: Sequence[Path]) -> PriorPreset:
    """The preset of the first run; quick where that says none, or one that no prior has."""
    for file in find_records(runs):
        try:
            preset = json.loads(file.read_bytes()).get("preset")
        except (OSError, ValueError, AttributeError):
            continue  # said later, where runs are read
        if preset in PRESETS:
            return preset  # type: ignore[no-any-return]
    return "quick"
