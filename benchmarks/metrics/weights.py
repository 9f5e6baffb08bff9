"""Published weights that some metrics need: where they lie, and whether they are whole."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch

from autoencoders.pictures.perceptual import LPIPS_BACKBONES
from storage.paths import StrPath


@dataclass(frozen=True)
class PublishedWeights:
    """One file of weights: what it is, the metric that it serves, and the flag that takes it from elsewhere.

    Its name ends in the first digits of its SHA-256, by torch hub's custom.
    """

    name: str
    metric: str
    flag: str
    url: str

    @property
    def filename(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def cached(self) -> Path:
        """Its place in the torch hub cache, whether or not it is there."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.filename

    @property
    def digest(self) -> str:
        """The first hexadecimal digits of the file's SHA-256."""
        found = re.search(r"-([0-9a-f]{8,})\.", self.filename)
        if found is None:
            raise ValueError(f"the name {self.filename} has no digits of a hash")
        return found[1]

    def check(self, path: StrPath) -> None:
        """Raises ValueError if `path` is not this file, whole and unchanged."""
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"there is no file {path}; expected {self.name}, {self.filename} from {self.url}")
        digest = sha256(path)
        if not digest.startswith(self.digest):
            raise ValueError(
                f"{path} is not {self.name}, or not all of it: its SHA-256 begins with {digest[:8]}, "
                f"expected {self.digest}; fetch {self.url} again"
            )

    def how_to_get(self) -> str:
        return f"fetch them once with `python -m benchmarks.weights`, or name their file with {self.flag} PATH"

    def fetch(self) -> None:
        """Download into the torch hub cache, checked and whole or not at all (OSError, RuntimeError)."""
        self.cached.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(self.url, str(self.cached), hash_prefix=self.digest)


def sha256(path: StrPath) -> str:
    """SHA-256 of a file, in hexadecimal digits; of a folder, of the names and the SHA-256 of all files in it."""
    path = Path(path)
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()} {sha256(file)}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    with path.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


INCEPTION = PublishedWeights(
    "FID's Inception",
    "rfid",
    "--inception",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
)
LPIPS_BACKBONE = PublishedWeights(
    "LPIPS's VGG-16",
    "lpips",
    "--lpips-backbone",
    f"https://download.pytorch.org/models/{LPIPS_BACKBONES['vgg']}",
)
PUBLISHED = (INCEPTION, LPIPS_BACKBONE)


@dataclass(frozen=True)
class MetricWeights:
    """The files that an evaluation may use, and a sentence for each metric whose file is not at hand."""

    inception: Path | None = None
    lpips_backbone: Path | None = None
    missing: dict[str, str] = field(default_factory=lambda: {weights.metric: _absent(weights) for weights in PUBLISHED})

    @classmethod
    def find(cls, inception: StrPath | None = None, lpips_backbone: StrPath | None = None) -> MetricWeights:
        """What is named by path or lies in the torch hub cache; each file is checked against its hash.

        Raises ValueError if a file named by path is not there or not the published one. A broken file in the
        cache leaves its metric empty, with the reason.
        """
        inception = None if inception is None else Path(inception)
        lpips_backbone = None if lpips_backbone is None else Path(lpips_backbone)
        paths: dict[str, Path | None] = {}
        missing = {}
        for weights, given in ((INCEPTION, inception), (LPIPS_BACKBONE, lpips_backbone)):
            paths[weights.metric] = None
            if given is not None:
                weights.check(given)
                paths[weights.metric] = given
            elif not weights.cached.is_file():
                missing[weights.metric] = _absent(weights)
            else:
                try:
                    weights.check(weights.cached)
                    paths[weights.metric] = weights.cached
                except ValueError as error:
                    missing[weights.metric] = str(error)
        return cls(paths[INCEPTION.metric], paths[LPIPS_BACKBONE.metric], missing)


def _absent(weights: PublishedWeights) -> str:
    return f"the weights of {weights.name} are not at hand: {weights.how_to_get()}"
