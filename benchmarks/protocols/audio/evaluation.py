"""The audio protocol: a tokenizer or a codec and test sounds in, every metric out.

`protocols/audio.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics.device import full_float32
from benchmarks.protocols.audio.coded import Places, SoundCoder, through_codec, through_tokenizer
from benchmarks.protocols.audio.fidelity import SoundFidelity
from benchmarks.protocols.audio.measured import METRICS, SoundEvaluation
from benchmarks.protocols.outcome import outcome
from benchmarks.protocols.signals import Coded, measure, of_all_ranks, summarise
from priors.code_models import CodeModel
from quantizers import Quantizer


@torch.no_grad()
def evaluate_tokenizer(
    tokenizer: Tokenizer,
    sounds: Places,
    sample_rate: int,
    *,
    device: torch.device | str = "cpu",
    rank: int = 0,
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

    def coded() -> Iterable[Coded]:
        return through_tokenizer(tokenizer, sounds, torch.device(device))

    with full_float32():
        return _evaluate(coded, sample_rate, tokenizer.quantizers, model, progress, world_size)


@torch.no_grad()
def evaluate_codec(
    codec: SoundCoder,
    sounds: Places,
    sample_rate: int,
    *,
    rank: int = 0,
    world_size: int = 1,
    progress: Callable[[int], None] | None = None,
) -> SoundEvaluation:
    """The same of a codec in daily use, whose rate is that of its packets."""

    def coded() -> Iterable[Coded]:
        return through_codec(codec, sounds, sample_rate)

    return _evaluate(coded, sample_rate, (), None, progress, world_size)


def _evaluate(
    coded: Callable[[], Iterable[Coded]],
    sample_rate: int,
    quantizers: tuple[Quantizer, ...],
    model: CodeModel | None,
    progress: Callable[[int], None] | None,
    world_size: int,
) -> SoundEvaluation:
    fidelity = SoundFidelity(sample_rate)

    def seconds(sound: Tensor) -> float:
        return sound.shape[1] / sample_rate

    share: Any = outcome(measure, coded, fidelity, seconds, quantizers, model, progress)
    sounds = of_all_ranks(share, world_size, "sound")
    whole = summarise(sounds, METRICS, fidelity.missing, quantizers, "sound")
    return SoundEvaluation(
        sounds=len(sounds),
        seconds=sum(sound.seconds for sound in sounds),
        metrics=whole.metrics,
        missing=whole.missing,
        unmeasured=whole.unmeasured,
        per_sound=whole.per_signal,
        resampled=whole.resampled,
        usage=whole.usage,
        perplexity=whole.perplexity,
    )
