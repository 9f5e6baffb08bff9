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
from quantizers.registry import register_quantizer
from quantizers.validation import MAX_CHANNELS, check_integer, check_number


@register_quantizer(
    "gumbel",
    description="discrete VAE, Gumbel-softmax sampling of codes (DALL-E)",
    paper="Ramesh et al. 2021, arXiv:2102.12092, section 2.1 and appendix A.2: soft samples, temperature 1 to "
    "1/16 by a cosine; its KL weight belongs to a likelihood in pixels, so kl_weight is the VQGAN code's 5e-4",
)
class Gumbel(Quantizer):
    """Logits by a linear layer (a 1 x 1 convolution); while training the output is a relaxed sample's mean
    vector softmax((logits + g) / temperature) @ embedding with Gumbel noise g, in eval mode the vector of the
    largest logit.

    Loss: kl_weight KL(softmax(logits) || uniform), summed over codes, a mean over positions. Codes while
        training
    are the largest of the noisy logits: exact samples of softmax(logits). An N x K tensor is the method.

    Args:
        dim: channels, in and out.
        codebook_size: number of codes K.
        kl_weight: weight of the KL divergence.
        temperature_start: temperature at progress 0.
        temperature_end: temperature at progress 1; see `anneal`.
    """

    is_straight_through = False
    holds_logits = True

    temperature: Float[Tensor, ""]

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 1024,
        kl_weight: float = 5e-4,
        temperature_start: float = 1.0,
        temperature_end: float = 1 / 16,
    ) -> None:
        check_integer("dim", dim, 1, MAX_CHANNELS)
        check_integer("codebook_size", codebook_size, 1, 2**MAX_BITS)
        super().__init__(dim=dim, codebook_size=codebook_size)
        self.kl_weight = check_number("kl_weight", kl_weight, 0)
        self.temperature_start = check_number("temperature_start", temperature_start, 1e-6)
        self.temperature_end = check_number("temperature_end", temperature_end, 1e-6)
        self.project = nn.Linear(dim, codebook_size)
        self.embedding = nn.Parameter(torch.randn(codebook_size, dim))
        self.register_buffer("temperature", torch.tensor(self.temperature_start))

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"codebook_size": size_for_bits(bits)}

    def anneal(self, progress: float) -> None:
        """Temperature from start to end by half a cosine; `progress` in [0, 1]."""
        remaining = (1 + math.cos(math.pi * check_number("progress", progress, 0, 1))) / 2
        self.temperature.fill_(self.temperature_end + (self.temperature_start - self.temperature_end) * remaining)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        logits = F.linear(rows, self.project.weight.to(rows.dtype), self.project.bias.to(rows.dtype))
        kl = kl_to_uniform(logits).sum() / max(rows.shape[0], 1)
        if self.training:
            noisy = logits + gumbel_noise(logits)
            codes = noisy.detach().argmax(1)
            quantized = torch.softmax(noisy / self.temperature, dim=1) @ self.embedding.to(rows.dtype)
        else:
            codes = logits.detach().argmax(1)
            quantized = F.embedding(codes, self.embedding).to(rows.dtype)
        stats = {
            "kl": kl.detach(),
            "temperature": self.temperature.clone(),
            **batch_usage(codes, self.codebook_size, over_ranks=self.training),
        }
        return RowOutput(quantized, codes.unsqueeze(1), self.kl_weight * kl, stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return F.embedding(codes.squeeze(1), self.embedding)


def gumbel_noise(like: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Standard Gumbel noise, -log(-log u), from float32 uniforms kept away from 0."""
    uniform = torch.rand(like.shape, dtype=torch.float32, device=like.device)
    return -(-uniform.clamp_min(torch.finfo(torch.float32).tiny).log()).log().to(like.dtype)


def kl_to_uniform(logits: Float[Tensor, "n k"]) -> Float[Tensor, "n"]:
    """KL(softmax(logits) || uniform) = sum_k q_k log(q_k K), in nats."""
    log_q = torch.log_softmax(logits, dim=1)
    return (log_q.exp() * log_q).sum(1) + math.log(logits.shape[1])
