"""A stored run back in Python: its tokenizer, and the prior on its codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.pretrained.files import fill, read_tensors
from benchmarks.records.files import RecordError
from benchmarks.records.generation import PriorRecord
from benchmarks.records.priors import PRIOR, chosen, read_generations
from benchmarks.records.record import Record, read_record
from benchmarks.training.trained import require_own_weights, require_tokenizer, trained_tokenizer
from priors import CodeLayout, Prior, Sampling
from priors.registry import create_prior
from priors.settings import CONFIGS, PriorName
from storage.paths import StrPath


@dataclass(frozen=True)
class LoadedRun:
    """What a run left behind, in eval mode on the CPU.

    Attributes:
        record: What was measured of it, and its whole configuration.
        tokenizer: `encode` turns pictures, float (B, 3, H, W) in [-1, 1], into maps of codes, `decode` codes into
            pictures.
        prior: The distribution over its codes, where `python -m benchmarks.generate` has trained one.
    """

    record: Record
    tokenizer: Tokenizer
    prior: Prior | None

    @torch.no_grad()
    def sample(
        self, count: int, seed: int = 0, sampling: Sampling | None = None, labels: Tensor | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """New pictures in [-1, 1]. ValueError without a prior, or as `Prior.sample`."""
        if self.prior is None:
            raise ValueError(f"{self.record.id} has no prior to draw from: train one by python -m benchmarks.generate")
        generator = torch.Generator(next(self.prior.parameters()).device).manual_seed(seed)
        tokens = self.prior.sample(count, labels, sampling or Sampling(), generator)
        return self.tokenizer.decode(self.prior.layout.to_codes(tokens)).clamp(-1, 1)


def load_run(path: StrPath, prior: str = PRIOR) -> LoadedRun:
    """A stored run, from its record.

        run = load_run("runs/quick/photographs/fsq-10bit-seed0-….json")
        codes = run.tokenizer.encode(pictures)

    Args:
        path: RUN.json, beside which RUN.safetensors lies, and where there is one the prior.
        prior: Which, where several are stored: a kind, or the digest of a prior's settings.

    Raises:
        ValueError: no such run, weights that are not its own, or several priors of that kind.
    """
    path = Path(path)
    record = read_record(path)
    require_tokenizer(path, record)
    problems: list[str] = []
    found = {of.path: of.prior for of in chosen(read_generations([path.parent], problems), prior, [record.id])}
    if len(found) > 1:
        labels = "; ".join(sorted(of.label for of in found.values()))
        raise RecordError(f"{path}: there are several priors on it; name one by prior=DIGEST, of {labels}")
    trained = [stored_prior(*each) for each in found.items()]
    return LoadedRun(record, trained_tokenizer(path, record), trained[0] if trained else None)


def stored_prior(path: StrPath, stored: PriorRecord) -> Prior:
    """A stored prior, in eval mode on the CPU.

    Args:
        path: Its record's file.
        stored: What that holds.

    Raises:
        ValueError: its weights are not there, or not its own.
    """
    path = Path(path)
    sizes = CONFIGS[cast(PriorName, stored.prior)](**stored.config["model"])
    prior = create_prior(sizes, CodeLayout(**stored.layout), stored.classes)
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        raise RecordError(f"{weights} is not there, which has the prior; make it again: {stored.command}")
    require_own_weights(weights, "prior", stored.id)
    fill(prior, read_tensors(weights, inside=()), weights)
    return prior.eval()
