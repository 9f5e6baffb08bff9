"""Mimi of kyutai-labs/moshi, by the names of Hugging Face transformers: a causal SEANet and transformers.

Défossez et al. 2024, "Moshi: a speech-text foundation model for real-time dialogue" (arXiv:2410.00037), section 3.3. It
codes with all its codebooks; of fewer is `quantizer.truncated(n)`.

Of a length off the stride's grid transformers' `MimiModel` has zeros follow within each layer, where silence after the
sound gives another last position of the codes, and with it other last samples.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from autoencoders.audio.convolutions import ConvTranspose1d
from autoencoders.audio.residual import residual_quantizer
from autoencoders.audio.seanet import Decoder, Encoder
from autoencoders.pretrained.files import FLOATS, build, read_tensors, renamed
from autoencoders.pretrained.mimi_transformer import Transformer
from autoencoders.pretrained.projected import Projected
from autoencoders.pretrained.sizes import MimiConfig
from autoencoders.streaming import State, StreamingTokenizer
from quantizers.base import Quantizer, RowOutput
from quantizers.composite import mean_stats
from quantizers.estimators import straight_through
from quantizers.modes import with_modes_of_its_own
from quantizers.options import check_integer
from quantizers.rq import RQ
from storage.paths import StrPath

UNUSED = re.compile(r"codebook\.initialized$")
"""Whether a codebook was started."""

RENAMED = (
    # our encoder begins with a layer that makes channels of samples
    (r"^encoder\.layers\.(\d+)\.", lambda found: f"encoder.{int(found[1]) + 1}."),
    (r"^decoder\.layers\.", "decoder."),
    (r"^((?:en|de)coder)_transformer\.", r"\1.transformer."),
    (r"^downsample\.", "encoder.downsample."),
    (r"^upsample\.", "decoder.upsample."),
    (r"\.block\.", ".branch."),
    (r"^quantizer\.(semantic|acoustic)_residual_vector_quantizer\.", r"quantizer.\1."),
    (r"\.(in|out)put_proj\.", r".project_\1."),
    (r"\.layers\.(\d+)\.codebook\.", r".quantizer.layers.\1.codebook."),
    (r"\.cluster_usage$", ".counts"),
    (r"\.embed_sum$", ".sums"),
)
"""transformers' names, and ours."""

SMALLEST_COUNT = 1e-5
"""What a code's vector is divided by at least."""


def load_mimi(path: StrPath, config: MimiConfig | None = None) -> Mimi:
    """A Mimi in eval mode.

    Args:
        path: transformers' `model.safetensors`.
        config: the sizes, by default the published ones.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    sizes = config or MimiConfig()
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not UNUSED.search(name)}
    return build(lambda: Mimi(sizes), with_vectors(renamed(tensors, our_name, path)), path, kept(sizes))


def our_name(name: str) -> str:
    """Our name for a tensor of theirs."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


def with_vectors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, with the vectors that codebooks' sums and counts make, and projections as linear layers."""
    found = {
        name: tensor.squeeze(-1) if ".project_" in name and tensor.ndim == 3 else tensor
        for name, tensor in tensors.items()
    }
    for name, sums in tensors.items():
        counts = tensors.get(f"{name.removesuffix('sums')}counts")
        if (
            name.endswith(".sums")
            and counts is not None
            and {sums.dtype, counts.dtype} <= set(FLOATS)
            and counts.shape == sums.shape[:1]
        ):
            found[f"{name.removesuffix('sums')}vectors"] = sums / counts.clamp_min(SMALLEST_COUNT).unsqueeze(1)
    return found


def kept(config: MimiConfig) -> frozenset[str]:
    """What our quantizers keep for training, and no file has."""
    return frozenset(
        f"quantizer.{part}.quantizer.layers.{depth}.{name}"
        for part, depths in (("semantic", 1), ("acoustic", config.codes_per_position - 1))
        for depth in range(depths)
        for name in ("codebook.steps", "codebook.started", "temperature")
    )


class Downsample(nn.Module):
    """(B, dim, t) to (B, dim, ⌈t / stride⌉) by a causal convolution.

    Before the start it sees the first position again, and behind an end that is off the grid the last.
    """

    def __init__(self, dim: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, 2 * stride, stride, bias=False)

    def forward(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b d s"]:
        (stride,) = self.conv.stride
        return self.conv(F.pad(x, (stride, -x.shape[-1] % stride), "replicate"))

    def first_state(self, batch: int) -> State:
        """Whether there was a chunk, and the last positions, as many as the windows overlap."""
        (stride,) = self.conv.stride
        return self.conv.weight.new_zeros(batch), self.conv.weight.new_zeros(batch, self.conv.in_channels, stride)

    def stream(self, x: Float[Tensor, "b d t"], state: State) -> tuple[Float[Tensor, "b d s"], State]:
        """A chunk of whole strides, as `forward`."""
        begun, last = state
        last = torch.where(begun[:, None, None] > 0, last, x[..., :1])
        joined = torch.cat([last, x], -1)
        return self.conv(joined), (torch.ones_like(begun), joined[..., -last.shape[-1] :])


class SplitRQ(Quantizer):
    """Two residual quantizers of the same latents, between layers of their own, whose outputs are added: the first code
    says what is said, the others how it sounds."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__(
            dim=config.dim, codebook_size=config.codebook_size, codes_per_position=config.codes_per_position
        )
        self.semantic = _projected_rq(config, 1)
        self.acoustic: Projected | None = _projected_rq(config, config.codes_per_position - 1)

    @property
    def parts(self) -> list[Projected]:
        """The semantic quantizer, and the acoustic one where there are codes of it."""
        return [self.semantic] if self.acoustic is None else [self.semantic, self.acoustic]

    def truncated(self, codes_per_position: int) -> SplitRQ:
        """The quantizer of the first codes only, as `RQ.truncated`."""
        twin = with_modes_of_its_own(self)
        twin.codes_per_position = check_integer("codes_per_position", codes_per_position, 1, self.codes_per_position)
        if codes_per_position == 1:
            twin.acoustic = None
        elif twin.acoustic is not None:
            acoustic = twin.acoustic.quantizer
            assert isinstance(acoustic, RQ)
            twin.acoustic.quantizer = acoustic.truncated(codes_per_position - 1)
            twin.acoustic.codes_per_position = codes_per_position - 1
        return twin

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        """The sum of both, and the codes of one after those of the other."""
        outputs = [part.quantize_rows(rows) for part in self.parts]
        return RowOutput(
            straight_through(rows, reduce(add, (out.quantized for out in outputs))),
            torch.cat([out.codes for out in outputs], 1),
            torch.stack([out.loss for out in outputs]).mean(),
            mean_stats([out.stats for out in outputs]),
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        """The sum of both parts' vectors."""
        groups = codes.split([part.codes_per_position for part in self.parts], 1)
        return reduce(add, (part.decode_rows(group) for part, group in zip(self.parts, groups, strict=True)))


def _projected_rq(config: MimiConfig, codes_per_position: int) -> Projected:
    dim, narrow = config.dim, config.codebook_dim
    quantizer = residual_quantizer(codes_per_position, narrow, config.codebook_size)
    return Projected(nn.Linear(dim, narrow, bias=False), quantizer, nn.Linear(narrow, dim, bias=False), dim)


class Mimi(StreamingTokenizer):
    """The tokenizer, which can stream; sounds are not clamped."""

    not_streaming = None

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride,)
        down = Downsample(config.dim, config.halving)
        up = ConvTranspose1d(
            config.dim, config.dim, config.halving, causal=True, norm="none", groups=config.dim, bias=False
        )
        # by name, so that the layers of SEANet have the places that they have alone
        self.encoder = nn.Sequential(
            OrderedDict(
                [
                    *Encoder(config.seanet, config.dim).named_children(),
                    ("transformer", Transformer(config)),
                    ("downsample", down),
                ]
            )
        )
        self.quantizer = SplitRQ(config)
        self.decoder = nn.Sequential(
            OrderedDict(
                [
                    ("upsample", up),
                    ("transformer", Transformer(config)),
                    *Decoder(config.seanet, config.dim).named_children(),
                ]
            )
        )

    @property
    def channels(self) -> int:
        """Of a sound."""
        return self.config.seanet.in_channels

    def latent(self, sounds: Float[Tensor, "b c T"]) -> Float[Tensor, "b d t"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a length off the stride's grid."""
        self._require_signal(sounds)
        return self.encoder(sounds)

    def from_latent(self, quantized: Float[Tensor, "b d t"]) -> Float[Tensor, "b c T"]:
        """Sounds from quantized latents; not clamped."""
        return self.decoder(quantized)
