"""Trainings that the quantizer comes to late."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from smoke_training import smoke_batches, smoke_settings, state_of
from torch import Tensor

from autoencoders import VQGAN
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import Settings
from benchmarks.training.signals.pictures import Pictures
from benchmarks.training.trainer import Trainer
from quantizers import create_quantizer


class Recall:
    """Gives a training's batches again, and says which were asked for."""

    def __init__(self, settings: Settings) -> None:
        self.batches, self.asked = smoke_batches(settings), []

    def __call__(self, start: int, count: int) -> list[Tensor]:
        self.asked.append((start, count))
        return self.batches[start : start + count]


def _deferring(settings: Settings, quantizer: str, recall: Recall | None) -> Trainer:
    torch.manual_seed(0)
    tokenizer = VQGAN(settings.model, create_quantizer(quantizer, bits=6, dim=settings.dim))
    return Trainer(tokenizer, settings, 0, make_accelerator(settings.train, cpu=True), "run", recall)


def test_a_deferred_quantizer_starts_on_the_latents_of_many_pictures() -> None:
    settings = replace(smoke_settings(), deferred=0.4)
    recall = Recall(settings)
    trainer = _deferring(settings, "vq-ema", recall)
    (quantizer,) = trainer.tokenizer.quantizers
    seen: list[tuple[bool, int]] = []
    quantizer.register_forward_hook(lambda _, given, out: seen.append((quantizer.deferred, len(given[0]))))
    trainer.fit(iter(smoke_batches(settings)[:4]))
    assert quantizer.needs_start
    assert recall.asked == []
    latents = torch.cat(
        [trainer.tokenizer.latent(Pictures().to_float(batch, trainer.device)) for batch in smoke_batches(settings)]
    )
    trainer.fit(iter(smoke_batches(settings)[4:]))
    assert recall.asked == [(0, 10)]  # all that a training of ten steps has
    assert not quantizer.needs_start
    assert [deferred for deferred, _ in seen] == [True] * 14 + [False] * 7
    assert seen[14] == (False, 160)  # started at once on the pictures of all these batches
    vectors = quantizer.codebook()
    spread = (vectors - vectors.mean(0)).norm() / (latents.movedim(1, -1).flatten(0, -2).std(0).norm() * 8)
    assert 0.3 < spread < 3  # on the scale of the latents
    assert "perplexity" not in trainer.history[0]
    assert trainer.history[-1]["perplexity"] > 1


def test_without_anything_deferred_the_first_batch_starts_the_quantizer() -> None:
    settings = smoke_settings()
    recall = Recall(settings)
    trainer = _deferring(settings, "vq-ema", recall)
    trainer.fit(iter(smoke_batches(settings)[:1]))
    assert not trainer.tokenizer.quantizers[0].needs_start
    assert recall.asked == []


def test_a_schedule_of_the_quantizer_begins_with_it() -> None:
    settings = replace(smoke_settings(), deferred=0.5)
    trainer = _deferring(settings, "gumbel", Recall(settings))
    (quantizer,) = trainer.tokenizer.quantizers
    told: list[float] = []
    quantizer.anneal = told.append
    trainer.fit(iter(smoke_batches(settings)))
    assert told == pytest.approx([0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("last", [3, 4, 6])
def test_a_deferred_run_that_is_resumed_ends_in_the_same_weights(tmp_path: Path, last: int) -> None:
    settings = replace(smoke_settings(), deferred=0.4)
    whole = _deferring(settings, "vq-ema", Recall(settings))
    whole.fit(iter(smoke_batches(settings)))
    checkpoint = tmp_path / "state"
    first = _deferring(settings, "vq-ema", Recall(settings))
    first.fit(iter(smoke_batches(settings)[: last + 1]), checkpoint, every=last)
    second = _deferring(settings, "vq-ema", Recall(settings))
    second.load(checkpoint)
    second.fit(iter(smoke_batches(settings, last)))
    for (name, one), other in zip(state_of(whole).items(), state_of(second).values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="deferred must be a finite number >= 0 and < 1"):
        replace(smoke_settings(), deferred=share)


def test_a_share_that_rounds_to_all_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"deferred 0\.99 of 10 steps leaves none"):
        replace(smoke_settings(), deferred=0.99)
