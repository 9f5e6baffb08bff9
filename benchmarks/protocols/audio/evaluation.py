"""The audio protocol: a tokenizer or a codec and test sounds in, every metric out.

`protocols/audio.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Int16
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics.device import full_float32
from benchmarks.protocols.audio.coded import Places, SoundCoder, in_16_bits, through_codec, through_tokenizer
from benchmarks.protocols.audio.fidelity import SoundFidelity
from benchmarks.protocols.audio.measured import METRICS, SAMPLE_SECONDS, SAMPLES, SoundEvaluation
from benchmarks.protocols.outcome import outcome
from benchmarks.protocols.signal_sets import summarise
from benchmarks.protocols.signals import Coded, Fidelity, Measured, measure, of_all_ranks
from quantizers import Quantizer

if TYPE_CHECKING:
    from priors.code_models import CodeModel


@torch.no_grad()
def evaluate_tokenizer(
    tokenizer: Tokenizer,
    sounds: Places,
    sample_rate: int,
    *,
    device: torch.device | str = "cpu",
    world_size: int = 1,
    model: CodeModel | None = None,
    progress: Callable[[int], None] | None = None,
) -> SoundEvaluation:
    """Measure a tokenizer of sounds under the protocol.

    Every rank calls it with its share of the test set and gets the same result, which does not depend on the number of
    ranks: each sound goes through alone.

    Args:
        tokenizer: On `device`, in eval mode, in float32.
        sounds: (place in the test set, sound); each on one rank once.
        sample_rate: Of the sounds, in Hz.
        model: Of the codes, for the modelled rate.
        progress: Called with 1 after each sound.

    Raises:
        ValueError: tokenizer in training mode, no sound, a sound twice, or a reconstruction that is not finite. Raised
            on all ranks.
    """

    coded = through_tokenizer(tokenizer, sounds, torch.device(device))
    return evaluate_coded(
        coded, sample_rate, tokenizer.quantizers, model=model, world_size=world_size, progress=progress
    )


@torch.no_grad()
def evaluate_codec(
    codec: SoundCoder,
    sounds: Places,
    sample_rate: int,
    *,
    world_size: int = 1,
    progress: Callable[[int], None] | None = None,
) -> SoundEvaluation:
    """The same of a codec in daily use, whose rate is that of its packets."""

    coded = through_codec(codec, sounds, sample_rate)
    return evaluate_coded(coded, sample_rate, world_size=world_size, progress=progress)


@torch.no_grad()
@full_float32()
def evaluate_coded(
    coded: Iterable[Coded],
    sample_rate: int,
    quantizers: tuple[Quantizer, ...] = (),
    *,
    world_size: int = 1,
    model: CodeModel | None = None,
    progress: Callable[[int], None] | None = None,
) -> SoundEvaluation:
    """The same of sounds and what became of them, whatever made that; each pair on one rank once.

    Args:
        coded: Lazily made, so that what its making raises reaches all ranks.
        quantizers: Of the tokenizer that made the codes; none where there are no codes.
    """
    fidelity, kept = SoundFidelity(sample_rate), round(SAMPLE_SECONDS * sample_rate)

    def seconds(sound: Tensor) -> float:
        return sound.shape[1] / sample_rate

    def with_samples(sound: Coded) -> Fidelity:
        found = fidelity(sound)
        if sound.place >= SAMPLES:
            return found
        both = {"original": sound.original, "reconstruction": sound.reconstruction}
        return found._replace(kept={name: in_16_bits(of[:, :kept]).numpy() for name, of in both.items()})

    share: Any = outcome(measure, coded, with_samples, seconds, quantizers, model, progress)
    sounds = of_all_ranks(share, world_size, "sound")
    whole = summarise(sounds, METRICS, fidelity.missing, quantizers, "sound")
    samples = _stacked("original", sounds), _stacked("reconstruction", sounds)
    return SoundEvaluation(**vars(whole), rate=sample_rate, samples=samples)


def _stacked(name: str, sounds: Sequence[Measured]) -> Int16[np.ndarray, "n c samples"]:
    """What is kept under that name; short ones are followed by silence."""
    kept = [sound.kept[name] for sound in sounds if name in sound.kept]
    samples = max(sound.shape[1] for sound in kept)
    return np.stack([np.pad(sound, ((0, 0), (0, samples - sound.shape[1]))) for sound in kept])
