"""`gumbel`: the discrete VAE's relaxed sampling of codes."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import MAX_BITS, size_for_bits
from quantizers.entropy import batch_usage
from quantizers.options import MAX_CHANNELS, check_flag, check_integer, check_number


class Gumbel(Quantizer):
    """Logits by a linear layer (a 1 x 1 convolution); while training the output is a relaxed sample's mean
    vector softmax((logits + g) / temperature) @ embedding with Gumbel noise g, in eval mode the vector of the
    largest logit.

    Loss: kl_weight KL(softmax(logits) || uniform), summed over codes, a mean over positions. Codes while training are
    the largest of the noisy logits: exact samples of softmax(logits). An N x K tensor is the method.

    The paper's own schedules, in a training of 3,000,000 steps: kl_weight=6.6 / 192, kl_warmup=5_000 / 3_000_000,
    temperature_until=150_000 / 3_000_000.

    Args:
        dim: channels, in and out.
        codebook_size: number of codes K.
        kl_weight: weight of the KL divergence.
        kl_warmup: progress (see `anneal`) until which that weight rises from 0; 0 has it from the start.
        temperature_start: temperature at progress 0.
        temperature_end: temperature from progress `temperature_until` on.
        temperature_until: progress until which the temperature falls.
        one_hot: no layer and no vectors: the latent is the logits, and the output the relaxed sample softmax(...)
            itself, one-hot in eval mode. For a backbone with layers of its own for both, as DALL-E's; dim is K.
    """

    is_straight_through = False
    holds_logits = True

    temperature: Float[Tensor, ""]
    kl_share: Float[Tensor, ""]

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 1024,
        kl_weight: float = 5e-4,
        kl_warmup: float = 0.0,
        temperature_start: float = 1.0,
        temperature_end: float = 1 / 16,
        temperature_until: float = 1.0,
        one_hot: bool = False,
    ) -> None:
        dim = check_integer("dim", dim, 1, MAX_CHANNELS)
        codebook_size = check_integer("codebook_size", codebook_size, 1, 2**MAX_BITS)
        super().__init__(dim=dim, codebook_size=codebook_size)
        self.kl_weight = check_number("kl_weight", kl_weight, 0)
        self.kl_warmup = check_number("kl_warmup", kl_warmup, 0, 1)
        self.temperature_start = check_number("temperature_start", temperature_start, 1e-6)
        self.temperature_end = check_number("temperature_end", temperature_end, 1e-6)
        self.temperature_until = check_number("temperature_until", temperature_until, 1e-6, 1)
        self.one_hot = check_flag("one_hot", one_hot)
        if one_hot and dim != codebook_size:
            raise ValueError(f"dim must be codebook_size with one_hot, got {dim} and {codebook_size}")
        if not one_hot:
            self.project = nn.Linear(dim, codebook_size)
            self.embedding = nn.Parameter(torch.randn(codebook_size, dim))
        self.register_buffer("temperature", torch.tensor(self.temperature_start))
        if self.kl_warmup:  # a weight that does not rise has nothing to store
            self.register_buffer("kl_share", torch.tensor(0.0))

    @classmethod
    def options_for_bits(cls, bits: int, *, one_hot: bool = False, **options: Any) -> dict[str, Any]:
        size = size_for_bits(bits)
        return {"codebook_size": size, "dim": size} if one_hot else {"codebook_size": size}

    def anneal(self, progress: float) -> None:
        """Temperature from start to end, and the KL weight from 0, each by half a cosine; `progress` in [0, 1]."""
        check_number("progress", progress, 0, 1)
        hot = _half_cosine(progress / self.temperature_until)
        self.temperature.fill_(self.temperature_end + (self.temperature_start - self.temperature_end) * hot)
        if self.kl_warmup:
            self.kl_share.fill_(1 - _half_cosine(progress / self.kl_warmup))

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        logits = self._logits(rows)
        kl = kl_to_uniform(logits).sum() / max(rows.shape[0], 1)
        if self.training:
            noisy = logits + gumbel_noise(logits)
            codes = noisy.detach().argmax(1)
            quantized = self._embed(torch.softmax(noisy / self.temperature, dim=1))
        else:
            codes = logits.detach().argmax(1)
            quantized = self.decode_rows(codes.unsqueeze(1)).to(rows.dtype)
        stats = {
            "kl": kl.detach(),
            "temperature": self.temperature.clone(),
            **batch_usage(codes, self.codebook_size, over_ranks=self.training),
        }
        loss = self.kl_weight * kl
        return RowOutput(quantized, codes.unsqueeze(1), loss * self.kl_share if self.kl_warmup else loss, stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        if self.one_hot:
            return F.one_hot(codes.squeeze(1), self.codebook_size).to(self.temperature.dtype)
        return F.embedding(codes.squeeze(1), self.embedding)

    def _logits(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        if self.one_hot:
            return rows
        return F.linear(rows, self.project.weight.to(rows.dtype), self.project.bias.to(rows.dtype))

    def _embed(self, weights: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        return weights if self.one_hot else weights @ self.embedding.to(weights.dtype)


def _half_cosine(progress: float) -> float:
    """From 1 at 0 down to 0 at 1, where it stays."""
    return (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def gumbel_noise(like: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Standard Gumbel noise, -log(-log u), from float32 uniforms kept away from 0."""
    uniform = torch.rand(like.shape, dtype=torch.float32, device=like.device)
    return -(-uniform.clamp_min(torch.finfo(torch.float32).tiny).log()).log().to(like.dtype)


def kl_to_uniform(logits: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """KL(softmax(logits) || uniform) = sum_k q_k log(q_k K), in nats."""
    log_q = torch.log_softmax(logits, dim=1)
    return (log_q.exp() * log_q).sum(1) + math.log(logits.shape[1])
