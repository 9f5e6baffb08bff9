"""A quantizer that keeps the contract in the simplest way, and others that break one line of it each.

A module of its own, as the processes that a check starts must be able to import the class.
"""

import torch

from quantizers.base import Quantizer, RowOutput
from quantizers.estimators import straight_through


class Rounding(Quantizer):
    """A quantizer that keeps the contract in the simplest way."""

    is_projection = True

    def __init__(self):
        super().__init__(dim=2, codebook_size=256)
        self.register_buffer("seen", torch.zeros(()))

    def quantize_rows(self, rows):
        quantized = rows.detach().clamp(-8, 7).round()
        steps = (quantized + 8).long()
        return RowOutput(straight_through(rows, quantized), steps[:, :1] * 16 + steps[:, 1:], rows.sum() * 0, {})

    def decode_rows(self, codes):
        return torch.cat([codes // 16, codes % 16], 1).float() - 8


class WrongDecode(Rounding):
    def decode_rows(self, codes):
        return super().decode_rows(codes) + 1


class NoGradient(Rounding):
    def quantize_rows(self, rows):
        return super().quantize_rows(rows.detach())


class WrongEstimator(Rounding):
    def quantize_rows(self, rows):
        out = super().quantize_rows(rows)
        return out._replace(quantized=out.quantized + 2 * (rows - rows.detach()))


class CountsInEval(Rounding):
    def quantize_rows(self, rows):
        self.seen += 1
        return super().quantize_rows(rows)


class NanOnEmpty(Rounding):
    def quantize_rows(self, rows):
        return super().quantize_rows(rows)._replace(loss=rows.mean())


class LocalStatistics(Rounding):
    """Its buffer follows this rank's batch only."""

    def quantize_rows(self, rows):
        if self.training:
            self.seen += rows.sum()
        return super().quantize_rows(rows)


class HostSync(Rounding):
    def quantize_rows(self, rows):
        if rows.sum().item() > 0:
            rows = rows * 1
        return super().quantize_rows(rows)


class FullMatrix(Rounding):
    def quantize_rows(self, rows):
        torch.zeros(rows.shape[0], self.codebook_size)
        return super().quantize_rows(rows)


class NoChecks(Rounding):
    def decode(self, codes):
        return super().decode(codes.long().clamp(0, 255)[:, :1])


class ForgetsState(Rounding):
    def __init__(self):
        super().__init__()
        self.scale = 1.0

    def quantize_rows(self, rows):
        if self.training:
            self.scale += 0.5
        return super().quantize_rows(rows * self.scale)
