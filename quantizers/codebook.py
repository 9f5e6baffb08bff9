"""Codebooks: K vectors that a method chooses from, and how they are learned.

A learned one starts by k-means, keeps running counts, and brings dead codes back to life. Every statistic is of
the global batch: one flat all-reduce per step sums counts, EMA sums and the vectors offered to dead codes, so all
ranks hold the same codebook, equal to that of one rank with the whole batch. Nothing is read back to the host; the
k-means start, once, is the exception.
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
from quantizers.uncompiled import uncompiled

MAX_BITS = 26
"""Of a code whose vectors are held: beyond it use a method with an implicit codebook."""

MAX_ITERATIONS = 1000
"""Of k-means at the start; it has long converged by then."""


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
    from the next batches.

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
    started: Bool[Tensor, ""]

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
        self.decay = check_number("decay", decay, 0, 1)
        self.dead_threshold = check_number("dead_threshold", dead_threshold, 0, 1)
        self.kmeans_iterations = check_integer("kmeans_iterations", kmeans_iterations, 0, MAX_ITERATIONS)
        self._hold_vectors(torch.empty(size, dim).uniform_(-1 / size, 1 / size))
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("started", torch.tensor(kmeans_iterations == 0))
        # `started` on the host, so that no step reads a value from the device
        self._has_started = kmeans_iterations == 0

    def _hold_vectors(self, vectors: Float[Tensor, "k d"]) -> None:
        self.vectors = nn.Parameter(vectors)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._has_started = bool(self.started)

    def forward(self) -> Float[Tensor, "k d"]:
        return self.project(self.vectors)

    def project(self, vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """The map onto the set that all vectors lie in, where they have one; here the identity."""
        return vectors

    @property
    def needs_start(self) -> bool:
        return not self._has_started

    @uncompiled
    @torch.no_grad()
    def start(self, rows: Float[Tensor, "n d"]) -> None:
        """Set vectors and counts by k-means on the global batch; one that is empty is passed over."""
        rows = rows.detach().to(self.counts.dtype)
        count = int(sum_over_ranks([rows.new_tensor([rows.shape[0]])])[0])
        if count == 0:
            return
        vectors, counts = kmeans(rows, self.size, self.kmeans_iterations, count, self.project)
        self._set(vectors, counts)
        self.started.fill_(True)
        self._has_started = True

    def _set(self, vectors: Float[Tensor, "k d"], counts: Float[Tensor, " k"]) -> None:
        self.vectors.data.copy_(vectors)
        self.counts.copy_(counts)

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> Float[Tensor, " k"]:
        """One step of the statistics; returns the code counts of the global batch."""
        rows = rows.detach().to(self.counts.dtype)
        # not at step 0: the rows that started the codebook have nothing new to offer
        dead = self._is_dead(self.counts) & (self.steps > 0)
        offered, offers = offer_rows(rows, dead, self.steps)
        batch_counts, offered, offers, *sums = sum_over_ranks(
            [count_codes(codes, self.size, rows.dtype), offered, offers, *self._batch_sums(rows, codes)]
        )
        present = batch_counts.sum() > 0  # a batch that is empty on all ranks changes nothing
        share = present * (1 - self.decay)  # of this batch in the averages
        self.counts.lerp_(batch_counts, share)
        self._learn(present, share, *sums)
        replaced = dead & self._is_dead(self.counts) & (offered > 0)
        self._replace(replaced, offers, self.counts.mean())
        self.steps.add_(present)
        return batch_counts

    def _is_dead(self, counts: Float[Tensor, " k"]) -> Bool[Tensor, " k"]:
        return counts < self.dead_threshold * counts.mean()

    def _batch_sums(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> list[Float[Tensor, "k d"]]:
        return []

    def _learn(self, present: Bool[Tensor, ""], share: Float[Tensor, ""], *sums: Float[Tensor, "k d"]) -> None:
        pass

    def _replace(self, replaced: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"], count: Float[Tensor, ""]) -> None:
        self.vectors.data.copy_(torch.where(replaced.unsqueeze(1), vectors, self.vectors))
        self.counts.copy_(torch.where(replaced, count, self.counts))


class EMACodebook(LearnedCodebook):
    """K vectors that follow the mean of the rows they code (van den Oord et al. 2017, appendix A.1; no
    gradient).

    `counts` and `sums` are exponential moving averages of how many rows a code gets and of their sum;
    `vectors` is their quotient, with the counts smoothed by `eps` (Laplace).

    Args:
        eps: Laplace smoothing of the counts; the others as in `LearnedCodebook`.
    """

    learns_by_loss = False

    sums: Float[Tensor, "k d"]

    def __init__(self, size: int, dim: int, *, eps: float = 1e-5, **options: Any) -> None:
        super().__init__(size, dim, **options)
        self.eps = check_number("eps", eps, 0)
        self.register_buffer("sums", self.vectors.clone())

    def _hold_vectors(self, vectors: Float[Tensor, "k d"]) -> None:
        self.register_buffer("vectors", vectors)

    def _set(self, vectors: Float[Tensor, "k d"], counts: Float[Tensor, " k"]) -> None:
        super()._set(vectors, counts)
        self.sums.copy_(vectors * counts.unsqueeze(1))

    def _batch_sums(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> list[Float[Tensor, "k d"]]:
        return [torch.zeros_like(self.sums).index_add_(0, codes, rows)]

    def _learn(self, present: Bool[Tensor, ""], share: Float[Tensor, ""], *sums: Float[Tensor, "k d"]) -> None:
        self.sums.lerp_(sums[0], share)
        total = self.counts.sum()
        smoothed = (self.counts + self.eps) / (total + self.size * self.eps) * total
        averaged = (present & (self.counts > 0)).unsqueeze(1)  # a code that never had a row has no mean
        self.vectors.copy_(torch.where(averaged, self.sums / smoothed.unsqueeze(1), self.vectors))

    def _replace(self, replaced: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"], count: Float[Tensor, ""]) -> None:
        super()._replace(replaced, vectors, count)
        # with the old sums, the next average would take the new vector back to where the dead one was
        self.sums.copy_(torch.where(replaced.unsqueeze(1), vectors * count, self.sums))
