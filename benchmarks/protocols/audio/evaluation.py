"""The audio protocol: a tokenizer or a codec and test sounds in, every metric out.

`protocols/audio.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Float32, Int16
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics.codes import has_codebook
from benchmarks.metrics.device import full_float32
from benchmarks.protocols.audio.coded import Coded, Places, SoundCoder, through_codec, through_tokenizer
from benchmarks.protocols.audio.fidelity import SoundFidelity
from benchmarks.protocols.audio.measured import METRICS, SAMPLE_SECONDS, SAMPLES, SoundEvaluation
from benchmarks.protocols.audio.rates import SoundCodes, code_use
from benchmarks.protocols.outcome import outcome
from benchmarks.records.resampling import draws
from priors.code_models import CodeModel
from priors.information import information
from quantizers import Quantizer

NO_CODES = "a codec's file has no codes of a codebook"
NO_CODEBOOK = "there is no codebook: every channel is kept as a 32-bit float"
NO_MODEL = "no model of the codes was given"
NO_FILE = "a tokenizer's codes are in no file"


@dataclass(frozen=True)
class _Sound:
    """What is kept of a sound: its place, samples of a channel, numbers, why it lacks some, codes, and of the first
    ones how they begin, and their reconstructions."""

    place: int
    samples: int
    numbers: dict[str, float]
    unmeasured: dict[str, str]
    codes: SoundCodes | None
    heard: tuple[np.ndarray, np.ndarray] | None


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

    quantizers = tokenizer.quantizers
    with full_float32():
        share = outcome(_measure, coded, SoundFidelity(sample_rate), sample_rate, quantizers, model, progress)
    return _combined(share, sample_rate, quantizers, rank, world_size)


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

    share = outcome(_measure, coded, SoundFidelity(sample_rate), sample_rate, (), None, progress)
    return _combined(share, sample_rate, (), rank, world_size)


def _measure(
    coded: Callable[[], Iterable[Coded]],
    fidelity: SoundFidelity,
    sample_rate: int,
    quantizers: tuple[Quantizer, ...],
    model: CodeModel | None,
    progress: Callable[[int], None] | None,
) -> list[_Sound]:
    found = []
    for sound in coded():
        numbers, unmeasured = fidelity(sound.reconstruction, sound.original)
        samples = sound.original.shape[1]
        kilobits = sample_rate / samples / 1000  # of a bit
        codes = SoundCodes.of(sound.codes, quantizers) if quantizers else None
        if codes is not None:
            numbers["kbps"] = codes.nominal_bits * kilobits
            numbers["codes_per_second"] = codes.count * kilobits * 1000
        if model is not None:
            numbers["kbps_modelled"] = information(model, sound.codes, quantizers) * kilobits
        if sound.stream_bytes is not None and sound.file_bytes is not None:
            numbers["kbps"], numbers["kbps_file"] = (
                8 * count * kilobits for count in (sound.stream_bytes, sound.file_bytes)
            )
        counted = codes if all(map(has_codebook, quantizers)) else None
        heard = None
        if sound.place < SAMPLES:
            kept = round(SAMPLE_SECONDS * sample_rate)
            heard = _heard(sound.original, kept), _heard(sound.reconstruction, kept)
        found.append(_Sound(sound.place, samples, numbers, unmeasured, counted, heard))
        if progress is not None:
            progress(1)
    return found


def _heard(sound: Float32[Tensor, "c n"], samples: int) -> Int16[np.ndarray, "c samples"]:
    """Its beginning in 16 bits, at most so many samples."""
    levels: np.ndarray = (sound[:, :samples].numpy() * (2**15 - 1)).round().astype(np.int16)
    return levels


def _stacked(sounds: Sequence[Int16[np.ndarray, "c _n"]]) -> Int16[np.ndarray, "n c samples"]:
    """Short ones followed by silence."""
    samples = max(sound.shape[1] for sound in sounds)
    return np.stack([np.pad(sound, ((0, 0), (0, samples - sound.shape[1]))) for sound in sounds])


def _combined(
    share: Any, sample_rate: int, quantizers: tuple[Quantizer, ...], rank: int, world_size: int
) -> SoundEvaluation:
    """The whole test set's numbers, on each rank: all have all shares, and combine them alike."""
    shares: list[Any] = [share]
    if world_size > 1:
        if not dist.is_initialized():
            raise ValueError(f"evaluate() got world_size={world_size}, but torch.distributed is not initialised")
        shares = [None] * world_size
        dist.all_gather_object(shares, share)
    for each in shares:
        if isinstance(each, ValueError):
            raise each
    sounds = sorted((sound for each in shares for sound in each), key=lambda sound: sound.place)
    if [sound.place for sound in sounds] != list(range(len(sounds))) or not sounds:
        raise ValueError(
            f"evaluate() needs each sound once, with its place in the test set counted from 0; it got {len(sounds)}"
        )
    return _whole(sounds, SoundFidelity(sample_rate).missing, sample_rate, quantizers)


def _whole(
    sounds: list[_Sound], missing: dict[str, str], sample_rate: int, quantizers: tuple[Quantizer, ...]
) -> SoundEvaluation:
    names = sounds[0].numbers
    per_sound = {name: np.array([sound.numbers[name] for sound in sounds]) for name in names}
    metrics: dict[str, float | None] = dict.fromkeys(METRICS)
    for name, values in per_sound.items():
        measured = values[~np.isnan(values)]
        if len(measured):
            metrics[name] = float(measured.mean())
        else:
            missing[name] = f"no sound has a number; of the first: {sounds[0].unmeasured[name]}"
    unmeasured = {
        name: {sound.place: sound.unmeasured[name] for sound in sounds if name in sound.unmeasured} for name in names
    }
    seconds = np.array([sound.samples for sound in sounds]) / sample_rate
    heard = [sound.heard for sound in sounds if sound.heard is not None]
    codes = [sound.codes for sound in sounds if sound.codes is not None]
    resampled: dict[str, np.ndarray] = {}
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()
    if codes:
        drawn = draws(len(sounds))
        use = code_use(codes, quantizers[0].codebook_size, drawn)
        usage, perplexity = tuple(use.usage.tolist()), tuple(np.exp2(use.entropy).tolist())
        metrics["usage"], metrics["perplexity"] = float(np.mean(usage)), float(np.mean(perplexity))
        metrics["kbps_entropy"] = use.bits / float(seconds.sum()) / 1000
        resampled = {
            "usage": use.resampled_usage.mean(0),
            "perplexity": np.exp2(use.resampled_entropy).mean(0),
            "kbps_entropy": use.resampled_bits / (drawn @ seconds) / 1000,
        }
    no_codes = NO_CODEBOOK if quantizers else NO_CODES
    reasons = {
        **dict.fromkeys(("usage", "perplexity", "kbps_entropy"), no_codes),
        "codes_per_second": NO_CODES,
        "kbps_modelled": NO_MODEL if quantizers else NO_CODES,
        "kbps_file": NO_FILE,
    }
    missing |= {name: why for name, why in reasons.items() if metrics[name] is None}
    return SoundEvaluation(
        sounds=len(sounds),
        seconds=float(seconds.sum()),
        metrics=metrics,
        missing=missing,
        unmeasured={name: found for name, found in unmeasured.items() if found},
        per_sound=per_sound,
        resampled=resampled,
        sample_rate=sample_rate,
        samples=(_stacked([original for original, _ in heard]), _stacked([of for _, of in heard])),
        usage=usage,
        perplexity=perplexity,
    )
