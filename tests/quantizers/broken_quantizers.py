"""For each line of the contract about what a quantizer computes, one at least that breaks it on purpose."""

import random
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sound_quantizers import Rounding
from torch import nn

from quantizers.losses import mean_squared_error
from quantizers.validation import check_latent


class Broken(NamedTuple):
    """A class, the line of the contract that it breaks, what the check says, and other lines broken by the same."""

    quantizer: type[nn.Module]
    line: str
    message: str
    also: tuple[str, ...]


BROKEN: list[Broken] = []


def breaks(line: str, message: str, *also: str) -> Callable[[type], type]:
    """Decorator that adds a class to `BROKEN`."""

    def register(quantizer: type) -> type:
        BROKEN.append(Broken(quantizer, line, message, also))
        return quantizer

    return register


@breaks("attributes", "bits_per_position is 10.3, codes can carry 10")
class BoastsOfItsRate(Rounding):
    @property
    def bits_per_position(self):
        return super().bits_per_position + 0.3


@breaks("shapes", r"codes \(\), not \(1, 1\)", "positions", "samples")
class DropsAxesOfSizeOne(Rounding):
    def forward(self, z):
        out = super().forward(z)
        return out._replace(codes=out.codes.squeeze()) if z.shape[0] == 1 else out


@breaks("empty", "loss is not a finite scalar")
class NanOnEmpty(Rounding):
    def quantize_rows(self, rows):
        return super().quantize_rows(rows)._replace(loss=F.mse_loss(rows, rows.detach().round()))


@breaks("positions", "codes depend on the axes")
class CentresEachSample(Rounding):
    is_projection = False

    def quantize_grid(self, z, *details):
        axes = tuple(range(2, z.ndim))
        return super().quantize_grid(z - z.detach().mean(axes, keepdim=True) if axes else z, *details)


@breaks("samples", "codes depend on the other samples")
class CentresTheBatch(Rounding):
    is_projection = is_positionwise = False

    def quantize_rows(self, rows):
        return super().quantize_rows(rows - rows.detach().mean())


@breaks("non-contiguous", "channels last: other codes than if contiguous")
class AssumesContiguous(Rounding):
    is_projection = False

    def forward(self, z):
        check_latent(z, self.dim)
        return super().forward(torch.as_strided(z, z.shape, torch.empty(z.shape, device="meta").stride()))


@breaks("inputs-unchanged", "decode changed its codes")
class DecodesInPlace(Rounding):
    def decode(self, codes):
        decoded = super().decode(codes)
        codes //= self.levels
        return decoded


@breaks("decode", "off by up to 1", "float64", "half-weights")
class WrongDecode(Rounding):
    def decode_rows(self, codes):
        return super().decode_rows(codes) + 1


@breaks(
    "shapes",
    r"codes outside \[0, 17179869184\)",
    *("inputs-unchanged", "decode", "float64", "autocast", "half-weights", "eval-mode", "memory-of-decode"),
)
class WrapsPast31Bits(Rounding):
    def __init__(self, *, levels: int = 2**17):
        super().__init__(levels=levels)

    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(codes=out.codes.int().long())


@breaks("idempotence", "quantizing the output again changed it")
class Halves(Rounding):
    def quantize_rows(self, rows):
        return super().quantize_rows(rows - rows.detach() / 2)


@breaks("stats", "usage is")
class CountsTwice(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(stats={**out.stats, "usage": 2 * out.stats["usage"]})


@breaks("gradient", "no gradient reaches unused")
class UnusedParameter(Rounding):
    def __init__(self, **options):
        super().__init__(**options)
        self.unused = nn.Parameter(torch.zeros(3))


@breaks("gradient", "no gradient passes from quantized to the input", "straight-through")
class NoGradient(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(quantized=out.quantized.detach())


@breaks("straight-through", "not the straight-through estimator's")
class WrongEstimator(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(quantized=out.quantized + 2 * (rows - rows.detach()))


@breaks("determinism", "not the same after the same seed: loss", "autocast")
class NoiseOfItsOwn(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(loss=out.loss + random.SystemRandom().random()) if self.training and len(rows) else out


@breaks("float64", "the loss does not see a change of 1e-10")
class LossInSinglePrecision(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(loss=mean_squared_error(rows.float(), out.quantized.detach().float()).to(rows.dtype))


@breaks("autocast", "torch.float32 input under autocast to torch.bfloat16: codes was not computed in float32")
class ProductOutsideTheBase(Rounding):
    def forward(self, z):
        check_latent(z, self.dim)
        identity = torch.eye(self.dim, dtype=z.dtype, device=z.device)
        return super().forward((z.movedim(1, -1) @ identity).movedim(-1, 1))


@breaks("autocast", "loss is torch.bfloat16, not torch.float32")
class EntropyInHalfPrecision(Rounding):
    def forward(self, z):
        out = super().forward(z)
        p = torch.sigmoid(z)
        entropy = (p * (p + 1e-10).log()).sum() / max(z.numel(), 1)
        return out._replace(loss=out.loss.to(z.dtype) + entropy)


@breaks("autocast", "decode is torch.bfloat16, not torch.float32")
class ProjectsInDecode(Rounding):
    def decode(self, codes):
        vectors = super().decode(codes)
        identity = torch.eye(self.dim, dtype=vectors.dtype, device=vectors.device)
        return F.linear(vectors.movedim(1, -1), identity).movedim(-1, 1)


@breaks("half-weights", r"after .to\(torch.bfloat16\): other codes")
class ComputesInThePrecisionOfItsWeights(Rounding):
    is_projection = False

    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("third", torch.tensor(1 / 3))

    def quantize_rows(self, rows):
        return super().quantize_rows(rows + 5 * self.third)
