"""A quantizer between an affine encoder and an affine decoder: how that is trained and what is measured of it."""

from __future__ import annotations

import math
import time

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.protocols.source_coding.settings import TEST_SEED, Training
from benchmarks.protocols.source_coding.vectors import Source
from quantizers import Quantizer, QuantizerOutput

TEST_VECTORS = 2**18
TEST_BATCH = 2**12


class CodingError(RuntimeError):
    """A training that cannot go on; the message names the step and the cause."""


class AffineCodec(nn.Module):
    """x -> decoder(quantizer(encoder(x))) for vectors of `block_length` samples.

    Encoder and decoder are affine. They start as an orthogonal matrix (semi-orthogonal where the quantizer wants
    more or fewer channels than there are samples) and its transpose, without offsets.
    """

    def __init__(self, block_length: int, quantizer: Quantizer) -> None:
        super().__init__()
        self.encoder = nn.Linear(block_length, quantizer.dim)
        self.quantizer = quantizer
        self.decoder = nn.Linear(quantizer.dim, block_length)
        with torch.no_grad():
            nn.init.orthogonal_(self.encoder.weight)
            self.decoder.weight.copy_(self.encoder.weight.T)
            self.encoder.bias.zero_()
            self.decoder.bias.zero_()

    def forward(self, vectors: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], QuantizerOutput]:
        """Reconstructions, and what the quantizer returned."""
        out = self.quantizer(self.encoder(vectors))
        return self.decoder(out.quantized), out


def train(codec: AffineCodec, source: Source, training: Training, generator: torch.Generator) -> float:
    """Train in place on fresh vectors; returns the seconds that it took.

    Raises:
        CodingError: the loss is not finite, or the quantizer refused its input.
    """
    optimizer = torch.optim.Adam(codec.parameters(), lr=training.learning_rate, betas=training.betas)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (1 + math.cos(math.pi * step / training.steps)) / 2
    )
    codec.train()
    begin = time.perf_counter()
    for step in range(training.steps):
        vectors = source.draw(training.batch_size, "train", generator)
        codec.quantizer.anneal(step / training.steps)
        try:
            reconstruction, out = codec(vectors)
        except ValueError as error:
            raise CodingError(f"step {step + 1}: the forward pass failed: {error}") from error
        loss = (reconstruction - vectors).square().mean() + out.loss
        if not torch.isfinite(loss):
            raise CodingError(f"step {step + 1}: the loss is not finite; lower --train.learning-rate")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return time.perf_counter() - begin


@torch.no_grad()
def measure(codec: AffineCodec, source: Source) -> dict[str, float]:
    """What the protocol asks of a trained codec, on `TEST_VECTORS` vectors that are the same for all."""
    codec.eval()
    generator = torch.Generator().manual_seed(TEST_SEED)
    squared_error, codes = 0.0, []
    for _ in range(TEST_VECTORS // TEST_BATCH):
        vectors = source.draw(TEST_BATCH, "test", generator)
        reconstruction, out = codec(vectors)
        squared_error += float((reconstruction.double() - vectors.double()).square().sum())
        codes.append(out.codes)
    distortion = squared_error / (TEST_VECTORS * source.block_length)
    bits = true_bits(codec.quantizer)
    bound = source.bound(bits)
    shares = torch.unique(torch.cat(codes), dim=0, return_counts=True)[1].double() / TEST_VECTORS
    entropy = float(torch.special.entr(shares).sum()) / math.log(2)
    return {
        "bits": bits,
        "distortion": distortion,
        "snr": 10 * math.log10(source.variance / distortion),
        "bound": bound,
        "gap": 10 * math.log10(distortion / bound),
        "usage": len(shares) / 2**bits,
        "entropy": entropy,
        "perplexity": 2**entropy,
    }


def true_bits(quantizer: Quantizer) -> float:
    """Bits per vector. A vector is a grid of one position, where every code is one of its own."""
    return quantizer.codes_per_position * math.log2(quantizer.codebook_size)
