"""The video protocol: a tokenizer or a codec and test clips in, every metric out.

`protocols/video.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8

from autoencoders import Tokenizer
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.fid import RESAMPLES, FeatureSums, frechet_distance, resampled_distances
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.spacetime_swd import spacetime_swd
from benchmarks.protocols.outcome import outcome
from benchmarks.protocols.signal_sets import Summary, summarise
from benchmarks.protocols.signals import Coded, Fidelity, Measured, measure, of_all_ranks
from benchmarks.protocols.video.coded import FilmCoder, Places, through_codec, through_tokenizer
from benchmarks.protocols.video.fidelity import FilmFidelity
from benchmarks.protocols.video.measured import (
    METRICS,
    OF_FRAMES,
    PER_PIXEL,
    SAMPLE_FRAMES,
    SAMPLES,
    FilmEvaluation,
)
from benchmarks.records.resampling import draws
from quantizers import Quantizer

if TYPE_CHECKING:
    from priors.code_models import CodeModel

NO_NETWORK = "no file of FVD's network, I3D as TorchScript, was given by --i3d PATH"


@torch.no_grad()
def evaluate_tokenizer(
    tokenizer: Tokenizer,
    clips: Places,
    frames_per_second: float,
    *,
    device: torch.device | str = "cpu",
    features: VideoFeatures | None = None,
    world_size: int = 1,
    model: CodeModel | None = None,
    progress: Callable[[int], None] | None = None,
) -> FilmEvaluation:
    """Measure a tokenizer of films under the protocol.

    Every rank calls it with its share of the test set and gets the same result, which does not depend on the number of
    ranks: each clip goes through alone.

    Args:
        tokenizer: On `device`, in eval mode, in float32.
        clips: (place in the test set, clip of 8 bits), all of one size; each on one rank once.
        frames_per_second: Of the clips.
        features: For rFVD, where its network is at hand.
        model: Of the codes, for the modelled rate.
        progress: Called with 1 after each clip.

    Raises:
        ValueError: tokenizer in training mode, no clip, a clip twice, clips of several sizes, or a reconstruction that
            is not finite. Raised on all ranks.
    """

    coded = through_tokenizer(tokenizer, clips, torch.device(device))
    how: dict[str, Any] = {"features": features, "world_size": world_size, "model": model, "progress": progress}
    return evaluate_coded(coded, frames_per_second, tokenizer.quantizers, **how)


@torch.no_grad()
def evaluate_codec(
    codec: FilmCoder,
    clips: Places,
    frames_per_second: float,
    *,
    features: VideoFeatures | None = None,
    world_size: int = 1,
    progress: Callable[[int], None] | None = None,
) -> FilmEvaluation:
    """The same of a codec in daily use, whose rate is that of its packets."""

    coded = through_codec(codec, clips, frames_per_second)
    return evaluate_coded(coded, frames_per_second, features=features, world_size=world_size, progress=progress)


@torch.no_grad()
@full_float32()
def evaluate_coded(
    coded: Iterable[Coded],
    frames_per_second: float,
    quantizers: tuple[Quantizer, ...] = (),
    *,
    features: VideoFeatures | None = None,
    world_size: int = 1,
    model: CodeModel | None = None,
    progress: Callable[[int], None] | None = None,
) -> FilmEvaluation:
    """The same of clips and what became of them, whatever made that; each pair on one rank once.

    Args:
        coded: Lazily made, so that what its making raises reaches all ranks.
        quantizers: Of the tokenizer that made the codes; none where there are no codes.
    """

    def seconds(clip: torch.Tensor) -> float:
        return clip.shape[1] / frames_per_second

    fidelity = FilmFidelity(features)

    def with_samples(clip: Coded) -> Fidelity:
        found = fidelity(clip)
        if clip.place >= SAMPLES:
            return found
        both = {"original": clip.original, "reconstruction": clip.reconstruction}
        samples = {name: of[:, :SAMPLE_FRAMES].numpy() for name, of in both.items()}
        return found._replace(kept={**found.kept, **samples})

    share: Any = outcome(measure, _of_one_size(coded), with_samples, seconds, quantizers, model, progress)
    clips = of_all_ranks(share, world_size, "clip")
    whole = summarise(clips, METRICS, {}, quantizers, "clip")
    _add_sets(whole, clips, has_network=features is not None)
    originals = _samples("original", clips)
    _add_per_pixel(whole, math.prod(originals.shape[-2:]) * frames_per_second / 1000)
    return FilmEvaluation(
        **vars(whole),
        per_frame={
            name: np.stack([clip.kept[f"frame/{name}"] for clip in clips])
            for name in OF_FRAMES
            if f"frame/{name}" in clips[0].kept
        },
        rate=frames_per_second,
        samples=(originals, _samples("reconstruction", clips)),
        network=None if features is None else features.digest,
    )


def _of_one_size(clips: Iterable[Coded]) -> Iterator[Coded]:
    """The clips; ValueError at one of another size than the first."""
    first: torch.Size | None = None
    for clip in clips:
        first = first or clip.original.shape
        if clip.original.shape != first:
            raise ValueError(
                f"all clips must be {tuple(first)}, got {tuple(clip.original.shape)} at place {clip.place}"
            )
        yield clip


def _samples(name: str, clips: list[Measured]) -> UInt8[np.ndarray, "n 3 t h w"]:
    """What is kept under that name."""
    return np.stack([clip.kept[name] for clip in clips if name in clip.kept])


def _add_sets(whole: Summary, clips: list[Measured], *, has_network: bool) -> None:
    """The metrics of all clips together."""
    found = {name: [clip.kept[name] for clip in clips if name in clip.kept] for name in ("swd", "rfvd")}
    if found["swd"]:
        originals, made = zip(*found["swd"], strict=True)
        whole.metrics["swd"], whole.resampled["swd"] = spacetime_swd(originals, made, draws(len(originals)))
    if len(found["rfvd"]) > 1:
        a, b = (torch.stack(of) for of in zip(*found["rfvd"], strict=True))
        once = torch.ones(len(a))
        whole.metrics["rfvd"] = frechet_distance(FeatureSums.of(a, once), FeatureSums.of(b, once))
        whole.resampled["rfvd"] = resampled_distances([a], [b], draws(len(a))[:RESAMPLES])
    reasons = {"swd": "", "rfvd": "a single clip has no covariance" if has_network else NO_NETWORK}
    for name, why in reasons.items():
        if whole.metrics[name] is None:
            whole.missing[name] = clips[0].unmeasured.get(name, why)


def _add_per_pixel(whole: Summary, thousand_pixels_per_second: float) -> None:
    """Bits per pixel, from the bitrates."""
    for name, bitrate in PER_PIXEL.items():
        value = whole.metrics[bitrate]
        whole.metrics[name] = None if value is None else value / thousand_pixels_per_second
        if value is None:
            whole.missing[name] = whole.missing[bitrate]
        for values in (whole.per_signal, whole.resampled):
            if bitrate in values:
                values[name] = values[bitrate] / thousand_pixels_per_second
