"""Two quantizers that keep the contract, and for each line of it one at least that breaks it on purpose.

A module of its own, as the processes that a check starts must be able to import the class.
"""

import copy
import random
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.distributed import sum_over_ranks, world_size
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.validation import check_codes, check_integer, check_latent
from quantizers.vq_ema import VQEMA


class Rounding(Quantizer):
    """Rounds two channels to integers: a quantizer that keeps the contract in the simplest way."""

    is_projection = True

    def __init__(self, *, levels: int = 32):
        check_integer("levels", levels, 2, 2**20)
        super().__init__(dim=2, codebook_size=levels**2)
        self.levels = levels
        self.register_buffer("seen", torch.zeros(()))

    @classmethod
    def options_for_bits(cls, bits, **options):
        return {"levels": 2 ** (check_integer("bits", bits, 2, 40) // 2)}

    def quantize_rows(self, rows):
        half = self.levels // 2
        quantized = rows.detach().clamp(-half, self.levels - half - 1).round()
        steps = (quantized + half).long()
        codes = steps[:, :1] * self.levels + steps[:, 1:]
        if self.training:
            self.seen += sum_over_ranks([rows.new_full((), rows.shape[0])])[0]
        return RowOutput(
            straight_through(rows, quantized),
            codes,
            mean_squared_error(rows, quantized),
            batch_usage(codes.squeeze(1), self.codebook_size, over_ranks=self.training),
        )

    def decode_rows(self, codes):
        return (torch.cat([codes // self.levels, codes % self.levels], 1) - self.levels // 2).float()


class PlainModule(nn.Module):
    """The same rounding of one channel without any of this package's classes: attributes and methods are enough."""

    is_projection = True
    is_straight_through = True

    dim = 1
    codebook_size = 512
    codes_per_position = 1
    bits_per_position = 9.0

    def forward(self, z):
        check_latent(z, 1)
        with torch.autocast(z.device.type, enabled=False):
            exact = z.to(torch.promote_types(z.dtype, torch.float32))
            quantized = exact.detach().clamp(-256, 255).round()
            loss = (exact - quantized).square().sum() / max(z.numel(), 1)
        return QuantizerOutput(straight_through(z, quantized.to(z.dtype)), (quantized + 256).long(), loss, {})

    def decode(self, codes):
        check_codes(codes, 1, 512)
        return codes.float() - 256

    def anneal(self, progress):
        pass


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


@breaks("decode", "off by up to 1", "float64")
class WrongDecode(Rounding):
    def decode_rows(self, codes):
        return super().decode_rows(codes) + 1


@breaks(
    "shapes",
    r"codes outside \[0, 17179869184\)",
    *("inputs-unchanged", "decode", "float64", "autocast", "eval-mode", "memory-of-decode"),
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


@breaks("small-start", "1 codes in use after 8 batches", "two-ranks", "unequal-ranks")
class RangeOfTheFirstBatch(Rounding):
    is_projection = False

    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("low", torch.zeros(2))
        self.register_buffer("high", torch.zeros(2))

    def quantize_rows(self, rows):
        if self.training and len(rows):
            self.low.copy_(torch.where(self.seen == 0, rows.detach().amin(0), self.low))
            self.high.copy_(torch.where(self.seen == 0, rows.detach().amax(0), self.high))
        clamped = rows.detach().clamp(self.low, self.high)
        return super().quantize_rows(rows - rows.detach() + clamped)


@breaks("small-start", "1 codes in use after 8 batches")
class NeverRevives(VQEMA):
    def __init__(self, *, dim: int = 2, codebook_size: int = 64):
        super().__init__(dim=dim, codebook_size=codebook_size, dead_threshold=0)


@breaks("eval-mode", "eval mode changed: seen", "empty")
class CountsInEval(Rounding):
    def quantize_rows(self, rows):
        if not self.training:
            self.seen += 1
        return super().quantize_rows(rows)


@breaks("eval-seed", "the seed changes in eval mode: loss")
class SamplesInEval(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        noise = torch.rand((), device=rows.device) if len(rows) and not self.training else 0
        return out._replace(loss=out.loss + noise)


@breaks("state-dict", "after load_state_dict: codes differ", "safetensors")
class ForgetsState(Rounding):
    is_projection = False

    def __init__(self, **options):
        super().__init__(**options)
        self.shift = 0.0

    def quantize_rows(self, rows):
        if self.training:
            self.shift += 0.5
        return super().quantize_rows(rows + self.shift)


@breaks("safetensors", "share memory")
class SharesMemory(Rounding):
    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("table", torch.zeros(4))
        self.register_buffer("start_of_table", self.table[:2])


@breaks("deepcopy", "training the original changed its copy: seen", "compile-training")
class SharesItsCount(Rounding):
    def __deepcopy__(self, memo):
        twin = copy.copy(self)
        twin._buffers = dict(self._buffers)
        return twin


@breaks("compile-eval", "graph_break")
class BreaksTheGraph(Rounding):
    def quantize_rows(self, rows):
        if not self.training:
            torch._dynamo.graph_break()
        return super().quantize_rows(rows)


@breaks("compile-training", "the gradient of the input is not that of the quantizer without compile")
class OtherGradientIfCompiled(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(loss=2 * out.loss) if torch.compiler.is_compiling() and self.training else out


@breaks("no-host-sync", "a training step reads a value back to the host: aten._local_scalar_dense")
class ReadsAValue(Rounding):
    def quantize_rows(self, rows):
        if self.training and rows.sum().item() > 1e9:
            rows = rows * 1
        return super().quantize_rows(rows)


@breaks("no-host-sync", "copies between a GPU and the host")
class TensorOfTheHost(Rounding):
    def quantize_rows(self, rows):
        return super().quantize_rows(rows + torch.zeros(2).to(rows.device))


@breaks("two-ranks", "the ranks end with different: seen", "unequal-ranks")
class LocalStatistics(Rounding):
    def quantize_rows(self, rows):
        if self.training:
            self.seen += rows.detach().sum()
        return super().quantize_rows(rows)


@breaks("two-ranks", "step 0: codes differ from one rank's", "unequal-ranks")
class StartsFromItsRankAlone(VQEMA):
    def __init__(self, *, dim: int = 2, codebook_size: int = 16):
        super().__init__(dim=dim, codebook_size=codebook_size)

    def start(self, rows):
        self.codebook.start(rows)
        if len(rows):
            self.codebook.vectors.copy_(rows[torch.arange(self.codebook_size) % len(rows)])


@breaks("unequal-ranks", "mean after 4 steps differs from one rank's")
class MeanOfMeans(Rounding):
    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("mean", torch.zeros(2))

    def quantize_rows(self, rows):
        if self.training:
            self.mean += sum_over_ranks([rows.detach().sum(0) / max(len(rows), 1)])[0] / world_size()
        return super().quantize_rows(rows)


@breaks("memory", "a training step takes .* bytes per position, with 1024 codes")
class ComparesWithAllCodes(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        one_hot = out.codes == torch.arange(self.codebook_size, device=rows.device)
        return out._replace(stats={**out.stats, "total": one_hot.float().sum()})


@breaks("memory-of-decode", "decode takes .* bytes per position, with 1024 codes")
class DecodesByOneHot(Rounding):
    def decode_rows(self, codes):
        table = super().decode_rows(torch.arange(self.codebook_size, device=codes.device).unsqueeze(1))
        return F.one_hot(codes.squeeze(1), self.codebook_size).float() @ table


@breaks("bad-latent", "NaN: accepted")
class PassesOverNan(Rounding):
    def forward(self, z):
        return super().forward(torch.nan_to_num(z) if z.is_floating_point() else z)


@breaks("bad-codes", "a negative code: accepted")
class ClampsCodes(Rounding):
    def decode(self, codes):
        return super().decode(codes.long().clamp(0, self.codebook_size - 1)[:, :1])


@breaks("bits", "for bits=4 has 8.000 bits per position")
class TwiceTheRate(Rounding):
    @classmethod
    def options_for_bits(cls, bits, **options):
        return {"levels": 2**bits}


@breaks("bad-options", "weight='x': accepted")
class TakesAnyWeight(Rounding):
    def __init__(self, *, levels: int = 32, weight: float = 1.0):
        super().__init__(levels=levels)
        self.weight = weight
