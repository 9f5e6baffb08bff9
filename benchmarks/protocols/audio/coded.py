"""Sounds and what became of them, one after the other: through a tokenizer, or through a codec's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float32, Int16
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.protocols.signals import Coded, CodedFile

Places = Iterable[tuple[int, Float32[Tensor, "c _n"]]]
"""Places in the test set, and the sounds there."""


class SoundCoder(Protocol):
    """From a sound to a file and back; `decode` gives as many samples as went in, where they went in."""

    def encode(self, sound: Float32[Tensor, "c n"], sample_rate: int) -> CodedFile: ...

    def decode(self, data: bytes, sample_rate: int, samples: int) -> Float32[Tensor, "c n"]: ...


def through_tokenizer(tokenizer: Tokenizer, sounds: Places, device: torch.device) -> Iterator[Coded]:
    """Each sound alone, so that no number depends on a batch: silence follows up to the next multiple of the stride,
    and is cut off again. The reconstruction is clamped to [-1, 1].

    Raises:
        ValueError: tokenizer in training mode, other channels than it takes, or a reconstruction that is not finite.
    """
    if tokenizer.training:
        raise ValueError("evaluate() needs the tokenizer in eval mode: call tokenizer.eval() first")
    for place, original in sounds:
        length = original.shape[1]
        output = tokenizer(with_whole_strides(tokenizer, original).to(device))
        reconstruction = output.reconstruction[0, :, :length].cpu()
        if not reconstruction.isfinite().all():
            raise ValueError(f"sound {place} came back with NaN or infinity")
        yield Coded(place, original, reconstruction.clamp(-1, 1), output.codes)


def with_whole_strides(tokenizer: Tokenizer, sound: Float32[Tensor, "c n"]) -> Float32[Tensor, "1 c m"]:
    """A sound as a tokenizer takes it: silence follows up to the next multiple of the stride."""
    (stride,) = tokenizer.strides
    return F.pad(sound, (0, -sound.shape[1] % stride)).unsqueeze(0)


def in_16_bits(sound: Float32[Tensor, "*b n"]) -> Int16[Tensor, "*b n"]:
    """Samples in [-1, 1] as they are stored to be listened to."""
    return (sound * (2**15 - 1)).round().to(torch.int16)


def through_codec(codec: SoundCoder, sounds: Places, sample_rate: int) -> Iterator[Coded]:
    """Each sound as a file and back."""
    for place, original in sounds:
        file = codec.encode(original, sample_rate)
        reconstruction = codec.decode(file.data, sample_rate, original.shape[1]).clamp(-1, 1)
        yield Coded(place, original, reconstruction, [], file.stream_bytes, len(file.data))
