"""What a pass over the test set has measured, in parts that files can keep: a pass that is killed goes on after them.

What belongs to single pictures (metrics, codes, features to be resampled) is kept part by part, as it is. Sums over
pictures (of Inception features) run on from part to part and are stored with the last one. So where a part ends has no
influence on any number, and it may end when the time is right.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float64, Int, UInt8
from torch import Tensor

from benchmarks.metrics.fid import FeatureSums
from storage.checkpoint import CheckpointError, load_tree, save_tree
from storage.paths import StrPath

PICTURES = 1024
"""Of a part at most."""

BYTES = 2**26
"""Of its pixels about: beside a batch, what a pass holds in memory. At 256 px they are 170 pictures."""

SECONDS = 60.0
"""Of a part at most: what is lost when a pass is killed."""


@dataclass(frozen=True)
class Part:
    """What is kept of some pictures, on the CPU.

    Attributes:
        indices: Their places in the test set.
        per_image: Metric -> value of each picture.
        codes: As `code_maps` gives them, those of each map of the tokenizer after the other; none without a codebook.
        rows: Inception features of originals and reconstructions whose place is below `fid.MAX_RESAMPLED`; none
            without Inception.
        kept_indices: Places of the pictures that SWD or the samples need.
        kept: These, originals and reconstructions.
    """

    indices: Int[Tensor, " n"]
    per_image: dict[str, Float64[Tensor, " n"]]
    codes: list[Int[Tensor, "n _p"]]
    rows: list[Float[Tensor, "m d"]]
    kept_indices: Int[Tensor, " k"]
    kept: list[UInt8[Tensor, "k 3 h w"]]


def join(parts: Sequence[Part]) -> Part:
    """Parts of one pass as one."""
    first = parts[0]
    return Part(
        indices=torch.cat([part.indices for part in parts]),
        per_image={name: torch.cat([part.per_image[name] for part in parts]) for name in first.per_image},
        codes=[torch.cat(found) for found in zip(*(part.codes for part in parts), strict=True)],
        rows=[torch.cat(both) for both in zip(*(part.rows for part in parts), strict=True)],
        kept_indices=torch.cat([part.kept_indices for part in parts]),
        kept=[torch.cat(both) for both in zip(*(part.kept for part in parts), strict=True)],
    )


@dataclass
class Share:
    """What one rank has measured so far.

    Attributes:
        parts: In memory, or files of a `PartStore`.
        features: Sums of Inception features of originals and reconstructions.
        latents: Sums of the vectors that the codes stand for, of each code map.
        grids: Sides of the grid of positions of each code map.
        missing: Metric -> why it is not computed.
    """

    parts: list[Part | Path]
    features: tuple[FeatureSums, FeatureSums] | None
    latents: list[FeatureSums] = field(default_factory=list)
    grids: list[tuple[int, ...]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, features: int | None) -> Share:
        """Nothing yet; with sums of that many features."""
        return cls([], None if features is None else (FeatureSums.zeros(features), FeatureSums.zeros(features)))

    def to(self, device: torch.device) -> None:
        """The sums are kept there from now on."""
        if self.features is not None:
            self.features = self.features[0].to(device), self.features[1].to(device)
        self.latents = [sums.to(device) for sums in self.latents]


def load_part(part: Part | Path) -> Part:
    """A part, from its file where it is in one: a memory map, whose tensors are read where they are used.

    Raises:
        CheckpointError: the file is not there, or damaged.
    """
    if isinstance(part, Part):
        return part
    if not part.is_file():
        raise CheckpointError(f"{part} is not there: all processes must see the same --output folder")
    return Part(**load_tree(part))


@dataclass(frozen=True)
class FeatureRows(Sequence[Tensor]):
    """The features of originals (0) or reconstructions (1) part by part; those of files are not held in memory."""

    parts: Sequence[Part | Path]
    which: int

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        return load_part(self.parts[index]).rows[self.which]


class PartStore:
    """Finished parts of one rank's pass, in a folder that all ranks see."""

    def __init__(self, folder: StrPath, key: str, features: int | None, rank: int = 0, world_size: int = 1) -> None:
        """
        Args:
            folder: Made where it is missing.
            key: Digest of all that the numbers depend on: parts of another key are no parts of this pass.
            features: How many Inception features there are sums of.
        """
        self.folder, self.key, self.features = Path(folder), key, features
        self.name = f"{rank}-of-{world_size}"
        self.pictures, self._share = self._read()
        self._last = time.monotonic()

    @property
    def _state(self) -> Path:
        return self.folder / f"{self.name}.safetensors"

    def _part(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:05}.safetensors"

    def _read(self) -> tuple[int, Share]:
        """How many pictures are done, and what was measured of them; nothing where a file is missing or damaged, or
        is one of a version that kept less."""
        nothing = 0, Share.empty(self.features)
        if not self._state.is_file():
            return nothing
        try:
            state = load_tree(self._state)
            paths = [self._part(number) for number in range(state["parts"])]
            if state["key"] != self.key or sum(len(load_part(path).indices) for path in paths) != state["pictures"]:
                return nothing
            features = state["features"] and tuple(FeatureSums(*sums) for sums in state["features"])
            latents = [FeatureSums(*sums) for sums in state["latents"]]
            grids = [tuple(grid) for grid in state["grids"]]
            return state["pictures"], Share([*paths], features, latents, grids, state["missing"])
        except (CheckpointError, KeyError, TypeError):
            return nothing

    def resume(self) -> Share:
        """What is done already: the pass goes on after the first `pictures` of this rank's share."""
        return self._share

    def is_due(self, batches: Sequence[Part]) -> bool:
        """Whether these are to become a part."""
        pictures = sum(len(batch.indices) for batch in batches)
        held = sum(pixels.nbytes for batch in batches for pixels in batch.kept)
        return pictures >= PICTURES or held >= BYTES or time.monotonic() - self._last >= SECONDS

    def add(self, share: Share, part: Part) -> None:
        """Keep a part. The state comes after it, so that a part without one is as if it had never been."""
        path = self._part(len(share.parts))
        save_tree(path, vars(part))
        share.parts.append(path)
        self.pictures += len(part.indices)
        features, latents = (
            None if sums is None else [[each.count, each.total, each.outer] for each in sums]
            for sums in (share.features, share.latents)
        )
        state = {"key": self.key, "parts": len(share.parts), "pictures": self.pictures, "features": features}
        save_tree(self._state, {**state, "latents": latents, "grids": share.grids, "missing": share.missing})
        self._last = time.monotonic()
