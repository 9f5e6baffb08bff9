"""Codebooks: K vectors that a method chooses from, and how they are learned.

A learned one starts by k-means, keeps running counts, and brings dead codes back to life. Every statistic is of
the global batch: one flat all-reduce per step sums counts, EMA sums and the vectors offered to dead codes, so all
ranks hold the same codebook, equal to that of one rank with the whole batch. Nothing is read back to the host but by
the k-means start, and by looking whether it has been.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from quantizers.distributed import sum_over_ranks
from quantizers.entropy import count_codes
from quantizers.kmeans import kmeans, offer_rows
from quantizers.options import MAX_CHANNELS, check_integer, check_number
from quantizers.printing import shown_options
from quantizers.sharding import require_own_storage, write_to_shard
from quantizers.uncompiled import uncompiled

MAX_BITS = 26
"""Of a code whose vectors are held: beyond it use a method with an implicit codebook."""

MAX_ITERATIONS = 1000
"""Of k-means at the start; it has long converged by then."""

ENOUGH_ROWS = 128
"""To start a codebook from; so few show nothing yet of how the latents lie."""


def size_for_bits(bits: int) -> int:
    """2^bits; `ValueError` past the largest codebook that is held as vectors."""
    return 2 ** check_integer("bits", bits, 0, MAX_BITS)


class Codebook(nn.Module, ABC):
    """K vectors, which calling it gives; what `VectorQuantizer` asks of a codebook.

    Args:
        size: number of vectors K.
        dim: their width D.

    Attributes:
        learns_by_loss: a loss must move the vectors to the rows that they code.
    """

    learns_by_loss: bool = True

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.size = check_integer("codebook_size", size, 1, 2**MAX_BITS)
        self.dim = check_integer("dim", dim, 1, MAX_CHANNELS)

    @abstractmethod
    def forward(self) -> Float[Tensor, "k d"]:
        """The vectors, with a gradient to what they are made of."""

    def extra_repr(self) -> str:
        return shown_options(self)

    @property
    def needs_start(self) -> bool:
        """Whether the next training batch must `start` this codebook."""
        return False

    def start(self, rows: Float[Tensor, "n d"]) -> None:
        """Start from the global batch that `rows` are this rank's part of; here nothing."""

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> Float[Tensor, " k"]:
        """One training step's statistics; returns the code counts of the global batch."""
        return sum_over_ranks([count_codes(codes, self.size, rows.dtype)])[0]


class LearnedCodebook(Codebook):
    """K vectors learned by gradient: `vectors` is a parameter, moved by a loss on what is chosen of them.

    A code is dead when its running count (EMA of how often a batch uses it) is below `dead_threshold` times
    the mean count; it is then replaced by a row of the batch and given the mean count. The threshold is
    relative, so that it means the same for any batch size and codebook. The first training batch starts the
    codebook by k-means; with fewer rows than codes every row becomes a code, and the rest are dead and filled
    from the next batches. As long as it has met fewer rows than `ENOUGH_ROWS` and than codes, a batch with more than
    twice as many starts it again.

    Whether it has started is what the buffer `started` says, wherever that comes from: a checkpoint, another rank, a
    copy of the model. Above 0 it has, so that an average of models, of which some had not, has.

    Vectors with `requires_grad` False are frozen: in training too nothing of the codebook is written. Under
    `fully_shard` what is written goes into each rank's shard as well; where a parameter has another owner that would
    lose it (`FullyShardedDataParallel`, DeepSpeed), training ends with a `RuntimeError` before it is.

    Args:
        size: number of vectors K.
        dim: their width D.
        decay: of the running counts, per step.
        dead_threshold: share of the mean count below which a code is replaced; 0 for never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps the random start, uniform in
            +-1/K.
    """

    vectors: Float[Tensor, "k d"]
    counts: Float[Tensor, " k"]
    steps: Int64[Tensor, ""]
    started: Float[Tensor, ""]

    def __init__(
        self,
        size: int,
        dim: int,
        *,
        decay: float = 0.99,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        super().__init__(size, dim)
        self._shards: Tensor | None = None
        self.decay = check_number("decay", decay, 0, 1)
        self.dead_threshold = check_number("dead_threshold", dead_threshold, 0, 1)
        self.kmeans_iterations = check_integer("kmeans_iterations", kmeans_iterations, 0, MAX_ITERATIONS)
        self._hold_vectors(torch.empty(size, dim).uniform_(-1 / size, 1 / size))
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("started", torch.tensor(float(kmeans_iterations == 0)))
        # The `started` that was seen above 0, and its version then: unchanged it is not read from the device again
        self._seen: tuple[Tensor, int] | None = None

    def _hold_vectors(self, vectors: Float[Tensor, "k d"]) -> None:
        self.vectors = nn.Parameter(vectors)

    def __setattr__(self, name: str, value: Any) -> None:
        # `fully_shard` sets the sharded parameter and, while it is needed, the whole of it in turn
        if name == "vectors" and hasattr(value, "placements"):
            self.__dict__["_shards"] = value
        super().__setattr__(name, value)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        if not self.started.is_meta:
            self._seen = self._sight()  # now, so that a graph compiled next need not look

    def forward(self) -> Float[Tensor, "k d"]:
        return self.project(self.vectors)

    def project(self, vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """The map onto the set that all vectors lie in, where they have one; here the identity."""
        return vectors

    @property
    def frozen(self) -> bool:
        """Whether training leaves the codebook as it is."""
        return not self._vectors_in_training().requires_grad

    def _vectors_in_training(self) -> Tensor:
        with torch.enable_grad():  # a parametrization makes them anew, with a gradient or without
            return self.vectors

    def _require_own_vectors(self) -> None:
        require_own_storage(self._vectors_in_training())

    @property
    def needs_start(self) -> bool:
        """Whether the next training batch must `start` this codebook. A compiled graph, which cannot look, trusts what
        was seen last."""
        if self.frozen or self.kmeans_iterations == 0:
            return False
        if self._seen is None or not (torch.compiler.is_compiling() or self._is_unchanged(*self._seen)):
            self._look()
        return self._seen is None

    def _is_unchanged(self, started: Tensor, version: int) -> bool:
        return started is self.started and version == started._version

    def _sight(self) -> tuple[Tensor, int] | None:
        return (self.started, self.started._version) if self.started.item() > 0 else None

    @uncompiled
    def _look(self) -> None:
        """Read `started` from the device."""
        self._seen = self._sight()

    @torch.no_grad()
    def keep(self) -> None:
        """Take the vectors as those of a finished training: no batch starts them and none are replaced, though they
        learn on unless frozen."""
        self.kmeans_iterations, self.dead_threshold = 0, 0.0
        self.started.fill_(1)

    def _rows_met(self) -> Float[Tensor, ""]:
        """About how many rows all training batches so far had."""
        return self.counts.sum() * self.steps

    @uncompiled
    @torch.no_grad()
    def start(self, rows: Float[Tensor, "n d"]) -> None:
        """Set vectors and counts by k-means on the global batch. Passed over are a batch that is empty, one that is
        little beside the few rows that it was started from before, and all where the codebook is frozen."""
        if self.frozen:
            return
        self._require_own_vectors()
        rows = rows.detach().to(self.counts.dtype)
        count = int(sum_over_ranks([rows.new_tensor([rows.shape[0]])])[0])
        enough, met = min(self.size, ENOUGH_ROWS), float(self._rows_met())
        if count == 0 or (met < enough and count <= 2 * met):
            return
        vectors, counts = kmeans(rows, self.size, self.kmeans_iterations, count, self.project)
        self._set(vectors, counts)
        self.steps.zero_()
        self.started.fill_(count >= enough)

    def _set(self, vectors: Float[Tensor, "k d"], counts: Float[Tensor, " k"]) -> None:
        self._write(torch.ones_like(counts, dtype=torch.bool), vectors)
        self.counts.copy_(counts)

    def _write(self, chosen: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"]) -> None:
        """Put `vectors` in the place of those chosen."""
        chosen = chosen.unsqueeze(1)
        self.vectors.data.copy_(torch.where(chosen, vectors, self.vectors))
        if self._shards is not None:
            write_to_shard(self._shards, chosen.expand_as(vectors), vectors)

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> Float[Tensor, " k"]:
        """One step of the statistics; returns the code counts of the global batch."""
        if self.frozen:
            return super().update(rows, codes)
        if self.dead_threshold > 0 and not torch.compiler.is_compiling():
            self._require_own_vectors()
        rows = rows.detach().to(self.counts.dtype)
        # not at step 0: the rows that started the codebook have nothing new to offer
        dead = self._is_dead(self.counts) & (self.steps > 0)
        offer = offer_rows(rows, dead, self.steps) if _may_hold(dead) else ()
        own_sums = self._batch_sums(rows, codes)
        batch_counts, *sums = sum_over_ranks([count_codes(codes, self.size, rows.dtype), *own_sums, *offer])
        present = batch_counts.sum() > 0  # a batch that is empty on all ranks changes nothing
        share = present * (1 - self.decay)  # of this batch in the averages
        self.counts.lerp_(batch_counts, share)
        self._learn(present, share, *sums[: len(own_sums)])
        if offer:
            offered, offers = sums[len(own_sums) :]
            replaced = dead & self._is_dead(self.counts) & (offered > 0)
            self._replace(replaced, offers, self.counts.mean())
        self.steps.add_(present)
        if self.needs_start:  # no longer, once it has met enough
            self.started.copy_(self._rows_met() >= min(self.size, ENOUGH_ROWS))
        return batch_counts

    def _is_dead(self, counts: Float[Tensor, " k"]) -> Bool[Tensor, " k"]:
        return counts < self.dead_threshold * counts.mean()

    def _batch_sums(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> list[Float[Tensor, "k d"]]:
        return []

    def _learn(self, present: Bool[Tensor, ""], share: Float[Tensor, ""], *sums: Float[Tensor, "k d"]) -> None:
        pass

    def _replace(self, replaced: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"], count: Float[Tensor, ""]) -> None:
        self._write(replaced, vectors)
        self.counts.copy_(torch.where(replaced, count, self.counts))


def _may_hold(flags: Bool[Tensor, " k"]) -> bool:
    """False where looking is free, on a CPU outside of a graph, and none is set. The same on all ranks where `flags`
    are."""
    return torch.compiler.is_compiling() or flags.device.type != "cpu" or bool(flags.any())
