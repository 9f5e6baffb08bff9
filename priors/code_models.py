"""How likely each code is, for an entropy coder: all alike, by how often it occurred, or by a prior."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from priors.entropy_coding import Coder
from priors.fixed_point import ATTENTION, PROBABILITY, exponentials, fixed_point, weights
from priors.gpt import GPT, Decoder
from priors.maskgit import MaskGIT, mask_counts
from priors.prior import Prior
from priors.settings import Sampling
from priors.windows import Windows
from quantizers import Quantizer

GROUP_BYTES = 2**28
"""What the windows that are coded side by side may hold at most, in keys, values and probabilities."""

LARGEST_GROUP = 256


class CodeModel(ABC):
    """A distribution over the code maps of a signal."""

    @property
    @abstractmethod
    def digest(self) -> bytes:
        """32 bytes that change with anything that the probabilities depend on."""

    @abstractmethod
    def code(
        self,
        coder: Coder,
        codes: Sequence[Int64[Tensor, "b n ..."]] | None,
        quantizers: Sequence[Quantizer],
        batch: int,
        grids: Sequence[Sequence[int]],
    ) -> list[Int64[Tensor, "b n ..."]]:
        """Write the code maps, or read and return them.

        Args:
            codes: one map for each quantizer; nobody looks at them where the coder reads.
            quantizers: of the tokenizer.
            batch: signals, or tiles of one.
            grids: sides of each map.
        """


class _Independent(CodeModel):
    """Every code by itself, and one that several positions share once."""

    def code(
        self,
        coder: Coder,
        codes: Sequence[Int64[Tensor, "b n ..."]] | None,
        quantizers: Sequence[Quantizer],
        batch: int,
        grids: Sequence[Sequence[int]],
    ) -> list[Int64[Tensor, "b n ..."]]:
        decoded, row = [], 0
        for index, (quantizer, grid) in enumerate(zip(quantizers, grids, strict=True)):
            blank = torch.zeros(batch, quantizer.codes_per_position, *grid, dtype=torch.int64)
            maps = []
            for like in quantizer.code_maps(blank if codes is None else codes[index].cpu()):
                symbols = like.flatten().numpy() if coder.writes else None
                found = self._map(coder, symbols, like.numel(), quantizer.codebook_size, row)
                maps.append(torch.from_numpy(found).view_as(like))
                row += 1
            decoded.append(quantizer.join_code_maps(maps, grid))
        return decoded

    @abstractmethod
    def _map(self, coder: Coder, symbols: np.ndarray | None, count: int, size: int, row: int) -> np.ndarray:
        """The codes of one map, which is the `row`-th of all."""


class FixedLength(_Independent):
    """Every code takes the same share of a bit string: log2(codebook size) bits."""

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(b"fixed-length").digest()

    def _map(self, coder: Coder, symbols: np.ndarray | None, count: int, size: int, row: int) -> np.ndarray:
        return coder.uniform(symbols, count, size)


class Histogram(_Independent):
    """Every code as often as it was counted, and half a time more (Krichevsky and Trofimov 1981).

    Args:
        counts: how often each code of each map was seen, elsewhere than in what is coded.

    Raises:
        ValueError: counts that are no table of whole numbers.
    """

    def __init__(self, counts: Int64[np.ndarray, "maps k"]) -> None:
        counts = np.asarray(counts)
        if counts.ndim != 2 or not np.issubdtype(counts.dtype, np.integer) or counts.min(initial=0) < 0:
            raise ValueError(f"counts must be a table of whole numbers, got {counts.dtype} of {counts.shape}.")
        self.counts, self.weights = counts, 2.0 * counts + 1

    @property
    def digest(self) -> bytes:
        shape = np.array(self.weights.shape, "<i8").tobytes()
        return hashlib.sha256(b"histogram" + shape + self.weights.astype("<f8").tobytes()).digest()

    def _map(self, coder: Coder, symbols: np.ndarray | None, count: int, size: int, row: int) -> np.ndarray:
        if row >= len(self.weights) or size != self.weights.shape[1]:
            maps, values = self.weights.shape
            raise ValueError(f"the histogram is of {maps} maps of {values} codes, not of map {row + 1} of {size}.")
        return coder.alike(symbols, count, self.weights[row])


class CodePrior(CodeModel):
    """A prior over windows as large as what it was trained on, side by side.

    A window that reaches over the edge has nothing to code there: a GPT is shown the last code before the edge, MaskGIT
    a masked one. The prior is computed in `fixed_point`, so the same file comes out for any batch, number of threads,
    and processor. A prior with classes is asked for a picture of none in particular.

    Args:
        prior: over the tokens of the tokenizer's codes.
        steps: of MaskGIT, in which it fills a window; the surest first.
        batch: windows whose probabilities are computed at once when a GPT writes.

    Raises:
        ValueError: a prior that knows no picture without a class, has no room in fixed point, or gives the tokens of
            several positions in one step.
    """

    def __init__(self, prior: Prior, steps: int = Sampling().steps, batch: int = 32) -> None:
        if prior.classes and not prior.label_dropout:
            raise ValueError("this prior was trained with a class for every picture; take one with label_dropout.")
        if prior.layout.delay:
            raise ValueError("a prior of delayed tokens cannot code window by window; take one without delay.")
        if prior.config.by_scale:
            raise ValueError("a prior by scale knows whole pictures of one size, no windows of others; take a gpt.")
        self.prior = fixed_point(prior)
        self.steps, self.batch = steps, batch
        layout, config = prior.layout, prior.config
        window = 2 * config.layers * layout.steps * config.width + layout.positions * layout.depth * layout.vocabulary
        self.group = max(1, min(LARGEST_GROUP, GROUP_BYTES // (8 * window)))

    @property
    def digest(self) -> bytes:
        about = [type(self.prior).__name__, self.prior.config, self.prior.layout, self.steps]
        digest = hashlib.sha256(repr(about).encode())
        for name, tensor in self.prior.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().astype("<f8").tobytes())
        for places in (ATTENTION, PROBABILITY):
            digest.update(exponentials(places, torch.device("cpu")).numpy().astype("<f8").tobytes())
        return digest.digest()

    @torch.no_grad()
    def code(
        self,
        coder: Coder,
        codes: Sequence[Int64[Tensor, "b n ..."]] | None,
        quantizers: Sequence[Quantizer],
        batch: int,
        grids: Sequence[Sequence[int]],
    ) -> list[Int64[Tensor, "b n ..."]]:
        layout = self.prior.layout
        windows = Windows(layout, batch, grids)
        device = next(self.prior.parameters()).device
        tokens = None if codes is None else layout.to_tokens(windows.cut(codes)).to(device)
        decoded = []
        for first in range(0, len(windows.shown), self.group):
            group = slice(first, first + self.group)
            known = None if tokens is None else tokens[group]
            decoded.append(self._group(coder, known, windows.shown[group].to(device)))
        return windows.join(layout.to_codes(torch.cat(decoded)))

    def _group(
        self, coder: Coder, tokens: Int64[Tensor, "w p d"] | None, shown: Int64[Tensor, "w p"]
    ) -> Int64[Tensor, "w p d"]:
        starts = torch.full((len(shown),), self.prior.classes, device=shown.device)
        if isinstance(self.prior, MaskGIT):
            return self._masked(self.prior, coder, tokens, shown, starts)
        assert isinstance(self.prior, GPT)
        if tokens is not None and coder.writes:
            return self._written(self.prior, coder, tokens, shown, starts)
        return self._read(self.prior, coder, shown, starts)

    def _written(self, gpt: GPT, coder: Coder, tokens: Tensor, shown: Tensor, starts: Tensor) -> Tensor:
        """All probabilities at once, then the tokens in the order in which `_read` comes to them."""
        shares = torch.cat(
            [
                weights(gpt._logits(some, start)).float()  # whole numbers up to 2^24
                for some, start in zip(tokens.split(self.batch), starts.split(self.batch), strict=True)
            ]
        )
        coded = shown == torch.arange(shown.shape[1], device=shown.device)
        for position in range(shown.shape[1]):
            here = coded[:, position]
            for slot in range(tokens.shape[2]):
                coder.each(_numpy(tokens[here, position, slot]), _numpy(shares[here, position, slot].double()))
        return tokens

    def _read(self, gpt: GPT, coder: Coder, shown: Tensor, starts: Tensor) -> Tensor:
        tokens = shown.new_zeros(*shown.shape, gpt.layout.depth)
        decoder = Decoder(gpt, tokens[:, :0], starts)
        rows = torch.arange(len(shown), device=shown.device)
        for position in range(int(shown.max()) + 1):
            here = shown[:, position] == position
            copied = tokens[rows, shown[:, position]]
            choose = partial(_chosen, coder, here, iter(copied.unbind(1)))
            tokens[:, position] = decoder.next_position(choose)
        last = torch.arange(shown.shape[1], device=shown.device) > shown.max()
        tokens[:, last] = tokens[rows.unsqueeze(1), shown[:, last]]
        return tokens

    def _masked(self, maskgit: MaskGIT, coder: Coder, known: Tensor | None, shown: Tensor, starts: Tensor) -> Tensor:
        depth = maskgit.layout.depth
        coded = (shown == torch.arange(shown.shape[1], device=shown.device)).repeat_interleave(depth, 1)
        shape = (*shown.shape, depth)
        tokens = torch.full(shape, maskgit.mask_token, device=shown.device)
        remaining = self._plan(coded)
        for step in range(self.steps):
            shares = torch.cat(
                [
                    weights(maskgit._logits(some, start)).flatten(1, 2)
                    for some, start in zip(tokens.split(self.batch), starts.split(self.batch), strict=True)
                ]
            )
            masked = coded & (tokens.flatten(1) == maskgit.mask_token)
            # the sum over that of the likeliest value, which is the same for all
            unsure = shares.sum(-1).masked_fill(~masked, math.inf)
            order = unsure.sort(dim=1, stable=True).indices.argsort(1)
            now = masked & (order < (masked.sum(1) - remaining[step]).unsqueeze(1))
            symbols = None if known is None or not coder.writes else _numpy(known.flatten(1)[now])
            found = coder.each(symbols, _numpy(shares[now]))
            flat = tokens.flatten(1)
            flat[now] = torch.from_numpy(found).to(flat.device)
            tokens = flat.view(shape)
        rows = torch.arange(len(shown), device=shown.device).unsqueeze(1)
        return tokens[rows, shown]

    def _plan(self, coded: Bool[Tensor, "w t"]) -> Int64[Tensor, "steps w"]:
        """How many tokens of each window are still masked after each step."""
        plans = []
        for count in coded.sum(1).tolist():
            plan = mask_counts(count, self.steps)
            plans.append(plan + [0] * (self.steps - len(plan)))
        return torch.tensor(plans, device=coded.device).T


def _chosen(
    coder: Coder, here: Bool[Tensor, " w"], copied: Iterator[Int64[Tensor, " w"]], logits: Float[Tensor, "w v"]
) -> Int64[Tensor, " w"]:
    """The next slot's tokens of all windows: read where they are of the signal, and copied elsewhere."""
    chosen = next(copied).clone()
    chosen[here] = torch.from_numpy(coder.each(None, _numpy(weights(logits[here])))).to(chosen.device)
    return chosen


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
