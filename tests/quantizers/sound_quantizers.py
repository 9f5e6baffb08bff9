"""Two quantizers that keep the contract in the simplest way."""

import torch
from torch import nn

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.distributed import sum_over_ranks
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.options import check_integer
from quantizers.validation import check_codes, check_latent


class Rounding(Quantizer):
    """Rounds two channels to integers."""

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
