"""EnCodec of facebookresearch/encodec, by its names and by those of Hugging Face transformers.

Défossez et al. 2022, "High Fidelity Neural Audio Compression" (arXiv:2210.13438). The network is that of
`autoencoders.audio.seanet`. It codes with all its codebooks; of fewer is `quantizer.truncated(n)`.

Of a length off the stride's grid the authors' code reflects each layer's last values at the end, where silence after
the sound gives another last position of the codes, and with it other last samples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from autoencoders.audio.residual import residual_quantizer
from autoencoders.audio.seanet import SEANetCodec
from autoencoders.audio.sizes import SEANetConfig
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.weight_norm import OLDER
from autoencoders.tokenizer import Tokenizer
from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from storage.paths import StrPath

UNUSED = re.compile(r"codebook\.inited$")
"""Whether a codebook was started."""

RENAMED = (
    (r"^(encoder|decoder)\.(?:model|layers)\.", r"\1."),
    (r"\.block\.", ".branch."),
    (r"\.(?:conv|convtr)\.(?:conv|convtr)\.", ".conv."),
    (r"\.(?:conv|convtr)\.norm\.", ".norm."),
    *OLDER,
    (r"^quantizer\.vq\.", "quantizer."),
    (r"\._codebook\.", ".codebook."),
    (r"\.embed$", ".vectors"),
    (r"\.embed_avg$", ".sums"),
    (r"\.cluster_size$", ".counts"),
)
"""The authors' names, or transformers', and ours."""


def load_encodec(
    path: StrPath, config: SEANetConfig, codes_per_position: int, dim: int = 128, codebook_size: int = 1024
) -> SEANetCodec:
    """An EnCodec in eval mode, that codes a sound as a whole.

    Args:
        path: the authors' `.th` file, or transformers' `model.safetensors`.
        config: the sizes.
        codes_per_position: codebooks.
        dim: channels between the networks.
        codebook_size: vectors of each codebook.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not UNUSED.search(name)}
    kept = frozenset(
        f"quantizer.layers.{depth}.{name}"
        for depth in range(codes_per_position)
        for name in ("codebook.steps", "codebook.started", "temperature")
    )

    def make() -> SEANetCodec:
        return SEANetCodec(config, residual_quantizer(codes_per_position, dim, codebook_size))

    return build(make, renamed(tensors, our_name, path), path, kept)


def load_encodec_in_segments(
    path: StrPath,
    config: SEANetConfig,
    codes_per_position: int,
    dim: int = 128,
    codebook_size: int = 1024,
) -> SegmentedCodec:
    """An EnCodec in eval mode, that codes a sound in segments of a second, each at a loudness of its own.

    Arguments and errors as `load_encodec`.
    """
    return SegmentedCodec(load_encodec(path, config, codes_per_position, dim, codebook_size)).eval()


def our_name(name: str) -> str:
    """Our name for a tensor of theirs."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    # our encoder begins with a layer that makes channels of samples
    return re.sub(r"^encoder\.(\d+)\.", lambda found: f"encoder.{int(found[1]) + 1}.", name)


class SegmentedCodec(Tokenizer):
    """A codec that takes a sound in segments of a second, which overlap by a hundredth and are divided by their scale.

    The codes of all segments follow each other in one row. The scale of a segment, the root mean square of its mean
    over channels, is a number that the authors' files have as 32 bits; here it is a second map, its digits as codes.
    Sounds are faded from one segment to the next as the authors' code does.

    The last segment is as short as what is left, also where it is less than the overlap and the one before ends there,
    too. Where 161 to 320 samples are left, the authors' code ends in an error, for what it decodes of the one before is
    longer than that of the last; here it is cut off.

    Attributes:
        segment: Samples of a segment.
        hop: Samples from the start of one to the start of the next.
    """

    maps = ("codes", "scale")

    def __init__(self, codec: SEANetCodec) -> None:
        super().__init__()
        self.codec = codec
        self.strides = codec.strides
        self.segment = codec.config.sample_rate
        self.hop = self.segment * 99 // 100
        self.scale = FloatDigits(codec.quantizer.codebook_size)
        self.scale.is_positionwise = False  # it is of a segment and belongs to no place: of a sound there are no tiles

    @property
    def channels(self) -> int:
        """Of a sound."""
        return self.codec.channels

    @property
    def quantizers(self) -> tuple[Quantizer, ...]:
        """The codec's, and what writes down the scales."""
        return self.codec.quantizer, self.scale

    def quantize(self, signal: Float[Tensor, "b c T"]) -> list[QuantizerOutput]:
        """The quantizers' outputs: (B, dim, positions of all segments), and (B, 1, segments)."""
        self._require_signal(signal)
        latents, scales = self.latents(signal)
        return [self.codec.quantizer(latents), self.scale(scales)]

    def latents(self, sounds: Float[Tensor, "b c T"]) -> tuple[Float[Tensor, "b d t"], Float[Tensor, "b 1 s"]]:
        """What the quantizers are given of sounds of any length."""
        segments = [sounds[..., start : start + self.segment] for start in range(0, sounds.shape[-1], self.hop)]
        scales = [loudness(segment) for segment in segments]
        latents = [self.codec.encoder(segment / scale) for segment, scale in zip(segments, scales, strict=True)]
        return torch.cat(latents, -1), torch.cat(scales, -1)

    def reconstruct(self, quantized: Sequence[Float[Tensor, "b _d ..."]]) -> Float[Tensor, "b c T"]:
        """The sound from the latents of all segments and their scales; not clamped."""
        latents, scales = quantized
        extent = self._extent(latents.shape[-1], scales.shape[-1])
        parts = latents.split(self._positions(extent), -1)
        segments = [self.codec.decoder(part) * scale for part, scale in zip(parts, scales.split(1, -1), strict=True)]
        return overlap_add(segments, self.hop)[..., :extent]

    def _positions(self, extent: int) -> list[int]:
        """Of each segment of a sound."""
        return [-(-min(self.segment, extent - start) // self.strides[0]) for start in range(0, extent, self.hop)]

    def _extent(self, positions: int, segments: int) -> int:
        """The longest sound with so many, on the stride's grid where one is. ValueError where there is none."""
        (stride,) = self.strides
        step = math.gcd(self.hop, stride)  # the positions of shorter sounds, but for less than this, are fewer
        extents = range(self.hop * (segments - 1) + step, self.hop * segments + 1, step)
        fitting = [extent for extent in extents if sum(self._positions(extent)) == positions]
        if not fitting:
            raise ValueError(f"no sound has {positions} positions in {segments} segments.")
        return max(fitting, key=lambda extent: (extent % stride == 0, extent))


class FloatDigits(Quantizer):
    """One channel as float32, written down exactly: its 32 bits as digits, the lowest first. Nothing to learn.

    Args:
        codebook_size: Values of a digit, a power of 2.
    """

    def __init__(self, codebook_size: int) -> None:
        self.bits = int(math.log2(codebook_size))
        super().__init__(dim=1, codebook_size=codebook_size, codes_per_position=-(-32 // self.bits))

    def quantize_rows(self, rows: Float[Tensor, "n 1"]) -> RowOutput:
        """The digits of each number."""
        pattern = rows.detach().float().contiguous().view(torch.int32).to(torch.int64) & 0xFFFFFFFF
        codes = pattern >> self._places(rows.device) & self.codebook_size - 1
        return RowOutput(rows, codes, rows.new_zeros(()), {})

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n 1"]:
        """The numbers of these digits."""
        pattern = (codes << self._places(codes.device)).sum(1, keepdim=True)
        return pattern.to(torch.int32).view(torch.float32)  # wraps to the same 32 bits

    def _places(self, device: torch.device) -> Int64[Tensor, " c"]:
        return torch.arange(self.codes_per_position, device=device) * self.bits


def loudness(segment: Float[Tensor, "b c T"]) -> Float[Tensor, "b 1 1"]:
    """Root mean square of the mean over channels, and little more so that silence can be divided by it."""
    return segment.mean(1, keepdim=True).square().mean(2, keepdim=True).sqrt() + 1e-8


def overlap_add(segments: list[Float[Tensor, "b c _t"]], hop: int) -> Float[Tensor, "b c T"]:
    """Segments that begin `hop` samples apart as one sound, as long as to the end of the last.

    Where several are, it is their mean, weighted by triangles as long as the first of them.
    """
    length = hop * (len(segments) - 1) + segments[-1].shape[-1]
    first = segments[0]
    rising = torch.linspace(0, 1, first.shape[-1] + 2, device=first.device, dtype=first.dtype)[1:-1]
    triangle = 0.5 - (rising - 0.5).abs()
    total, weights = first.new_zeros(*first.shape[:-1], length), first.new_zeros(length)
    for index, segment in enumerate(segments):
        place = slice(index * hop, min(index * hop + segment.shape[-1], length))
        weight = triangle[: place.stop - place.start]
        weights[place] += weight
        total[..., place] += weight * segment[..., : place.stop - place.start]
    return total / weights
