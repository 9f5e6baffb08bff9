"""Inception features of originals, kept from one evaluation to the next: the network sees each test set but once.

Two files for each test set, crop and network: KEY.npy has the features, float32, by place in the test set; KEY.json,
which is written after it, says what they are and has its digest. Files that are not whole are made anew.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.metrics import fid
from benchmarks.metrics.weights import sha256
from benchmarks.protocols.reconstruction.parts import Part, load_part
from storage.paths import StrPath
from storage.whole_files import replacing

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where such files lie: below XDG_CACHE_HOME, or else ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "quantizer-zoo-benchmark" / "inception"


@dataclass
class References:
    """Features of the originals of one test set, if they are known already.

    Attributes:
        path: Of the features.
        about: What they are, for a person who finds the file; JSON-able.
        rows: A memory map, by place in the test set; None where they are not known.
    """

    path: Path
    about: Mapping[str, str | int]
    rows: Float[np.ndarray, "n d"] | None

    @classmethod
    def open(cls, folder: StrPath, key: str, about: Mapping[str, str | int]) -> References:
        """Those of that key; none where they are missing or damaged."""
        folder = Path(folder)
        path = folder / f"{key}.npy"
        try:
            known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            rows = np.load(path, mmap_mode="r") if known["sha256"] == sha256(path) else None
        except (OSError, ValueError, KeyError, TypeError):
            rows = None
        return cls(path, about, rows)

    def features(self, places: Int[Tensor, " b"]) -> Float[Tensor, "b d"] | None:
        """Of the originals at these places; None where the network has to say."""
        if self.rows is None or int(places.max()) >= len(self.rows):
            return None
        return torch.from_numpy(self.rows[places.numpy()])

    def keep(self, parts: Sequence[Part | Path]) -> None:
        """Write what a whole pass has found, unless it is known. Where it cannot be written a warning says so."""
        if self.rows is not None:
            return
        places = [part.indices[part.indices < fid.MAX_RESAMPLED].numpy() for part in map(load_part, parts)]
        count, width = sum(map(len, places)), load_part(parts[0]).rows[0].shape[1]
        try:
            with replacing(self.path) as temporary:
                rows = np.lib.format.open_memmap(temporary, "w+", np.float32, (count, width))
                for at, part in zip(places, parts, strict=True):
                    rows[at] = load_part(part).rows[0].numpy()
                rows.flush()
                digest = sha256(temporary)
            with replacing(self.path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps({**self.about, "sha256": digest}, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            logger.warning("the originals' Inception features are not kept for the next evaluation: %s", error)
