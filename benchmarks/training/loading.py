"""A stored run back in Python: its tokenizer, and the prior on its codes."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from jaxtyping import Float
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.records.files import RecordError, write_model
from benchmarks.records.generation import PRIOR_PREFIX, PriorRecord, path_for
from benchmarks.records.model_card import PROJECT, model_card
from benchmarks.records.priors import PRIOR, chosen, read_generations
from benchmarks.records.record import Record, read_record
from benchmarks.training.models import save_weights
from benchmarks.training.trained import require_tokenizer, trained_prior, trained_tokenizer
from priors import Prior, Sampling
from storage.paths import StrPath

MODEL = "model.json"
"""The record among the files of `save_pretrained`."""


@dataclass
class LoadedRun(ModelHubMixin, library_name=PROJECT):
    """What a run left behind, in eval mode on the CPU.

        run.push_to_hub("OWNER/NAME")  # or run.save_pretrained("folder")
        run = LoadedRun.from_pretrained("OWNER/NAME")  # or of that folder

    What is saved are safetensors and JSON: the networks as they are now, the records as they were stored, which say the
    paths and the command of the run, and a model card made from them. Nothing of it is executed when it is loaded.

    Attributes:
        record: What was measured of it, and its whole configuration.
        tokenizer: `encode` turns pictures, float (B, 3, H, W) in [-1, 1], or sounds, (B, channels, samples), into maps
            of codes, `decode` codes into those.
        prior: The distribution over its codes, where `python -m benchmarks.generate` has trained one.
        prior_record: What was measured of that.
    """

    record: Record
    tokenizer: Tokenizer
    prior: Prior | None = None
    prior_record: PriorRecord | None = None

    @torch.no_grad()
    def sample(
        self, count: int, seed: int = 0, sampling: Sampling | None = None, labels: Tensor | None = None
    ) -> Float[Tensor, "b c *extent"]:
        """New pictures, or sounds, in [-1, 1]. ValueError without a prior, or as `Prior.sample`."""
        if self.prior is None:
            raise ValueError(f"{self.record.id} has no prior to draw from: train one by python -m benchmarks.generate")
        generator = torch.Generator(next(self.prior.parameters()).device).manual_seed(seed)
        tokens = self.prior.sample(count, labels, sampling or Sampling(), generator)
        return self.tokenizer.decode(self.prior.layout.to_codes(tokens)).clamp(-1, 1)

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """What the records say, for a reader."""
        return model_card(self.record, self.prior_record)

    def _save_pretrained(self, save_directory: Path) -> None:
        path = save_directory / MODEL
        for old in save_directory.glob(f"{PRIOR_PREFIX}*"):
            old.unlink()
        save_weights(self.tokenizer, path, {"run": self.record.id})
        if self.prior is not None and self.prior_record is not None:
            of_prior = path_for(path, PRIOR_PREFIX, self.record.id, self.prior_record.settings)
            save_weights(self.prior, of_prior, {"prior": self.prior_record.id})
            write_model(of_prior, self.prior_record)
        config = json.dumps(self.record.config, indent=1)
        (save_directory / "config.json").write_text(config + "\n", encoding="utf-8")
        write_model(path, self.record)

    @classmethod
    def _from_pretrained(  # type: ignore[override]  # no other words than these
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        prior: str = PRIOR,
    ) -> LoadedRun:
        """`prior` chooses among several, as in `load_run`.

        Raises:
            ValueError: no files of a run, or of one whose quantizer is code that must be imported.
        """
        folder = Path(model_id)
        if not folder.is_dir():
            found = snapshot_download(
                model_id,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
                allow_patterns=["*.json", "*.safetensors"],
            )
            folder = Path(found)
        path = folder / MODEL
        config = read_record(path).config
        if named := re.search(r"[\w.]+:\w+", json.dumps([config.get("quantizer"), config.get("options")])):
            raise RecordError(
                f"{path}: its quantizer is {named[0]}, code that is imported as it is loaded; where that module is "
                f"yours, take benchmarks.load_run({os.fspath(path)!r})"
            )
        return load_run(path, prior)


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
    run = LoadedRun(record, trained_tokenizer(path, record))
    for file, of_prior in found.items():
        run.prior, run.prior_record = trained_prior(file, of_prior, run.tokenizer), of_prior
    return run
