"""The same for the lines about how it is used: started, stored, compiled, on devices and ranks, with bad input.

A module of its own, as the processes that a check starts must be able to import the class.
"""

import copy

import torch
import torch.nn.functional as F
from broken_quantizers import breaks
from sound_quantizers import Rounding

from quantizers.distributed import sum_over_ranks, world_size
from quantizers.vq_ema import VQEMA


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
class StaysAtItsStart(VQEMA):
    def __init__(self, *, dim: int = 2, codebook_size: int = 64):
        super().__init__(dim=dim, codebook_size=codebook_size, dead_threshold=0)

    def start(self, rows):
        super().start(rows)
        self.codebook.started.fill_(len(rows) > 0)


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


@breaks("state-dict", "after load_state_dict: codes differ", "safetensors", "meta-device")
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


@breaks("meta-device", "still on the meta device: offset")
class ConstantThatNobodyLoads(Rounding):
    is_projection = False

    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("offset", torch.tensor(0.25), persistent=False)

    def quantize_rows(self, rows):
        return super().quantize_rows(rows + self.offset)


@breaks("meta-device", "after to_empty and load_state_dict: codes differ")
class ConstantThatNothingRestores(ConstantThatNobodyLoads):
    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        if self.offset.is_meta:
            self.offset = torch.tensor(0.25)


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


@breaks("no-host-sync", "a training step uses a tensor that is neither a parameter nor a buffer", "meta-device")
class TableOfTheHost(Rounding):
    def __init__(self, **options):
        super().__init__(**options)
        self.table = torch.zeros(2)

    def quantize_rows(self, rows):
        return super().quantize_rows(rows + self.table)


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
