"""The trainer: its schedule, exact resuming, what it averages, and how it stops."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import Tensor

from autoencoders import VQGAN, BackboneName, LossConfig, code_maps_of, create_tokenizer
from autoencoders.pictures.dvae import DVAE
from autoencoders.pictures.sizes import DVAEConfig
from benchmarks.training.loop import Progress, TrainingError, TrainingStopped, learning_rate, make_accelerator
from benchmarks.training.presets import PRESETS, preset_settings
from benchmarks.training.settings import Settings
from benchmarks.training.trainer import Trainer, to_pictures
from quantizers import create_quantizer, list_quantizers
from quantizers.registry import with_dim
from storage.checkpoint import CheckpointError, load_tree, save_tree

SMOKE = PRESETS["smoke"]


def _settings(**train: object) -> Settings:
    return replace(SMOKE, train=replace(SMOKE.train, **{"images": 160, "batch_size": 16, **train}))


def _trainer(settings: Settings, quantizer: str = "vq-ema", run: str = "run") -> Trainer:
    torch.manual_seed(0)
    options = with_dim(quantizer, 6, {}, settings.dim)
    quantizers = [create_quantizer(quantizer, bits=6, **options) for _ in code_maps_of(settings.model)]
    tokenizer = create_tokenizer(settings.model, quantizers)
    return Trainer(tokenizer, settings, 0, make_accelerator(settings.train, cpu=True), run)


def _batches(settings: Settings, start: int = 0) -> list[Tensor]:
    """The whole run's batches from step `start` on, the same ones however often they are asked for."""
    noise = torch.Generator().manual_seed(5)
    size = settings.data.image_size
    shape = (settings.train.steps, settings.train.batch_size, 3, size // 16, size // 16)
    small = torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8)
    return list(small.repeat_interleave(16, -1).repeat_interleave(16, -2))[start:]


def _state(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.evaluated().state_dict().items()}


def test_the_rate_rises_to_its_peak_per_image_of_the_batch_and_falls_by_a_cosine() -> None:
    train = replace(SMOKE.train, images=1600, batch_size=16, learning_rate=1e-3, warmup=0.1, final_rate=0.2)
    rates = [learning_rate(train, step) for step in range(train.steps + 1)]
    assert rates[0] == pytest.approx(0.016 / 10)
    assert rates[9] == pytest.approx(0.016)
    assert max(rates) == pytest.approx(0.016)
    assert rates[55] == pytest.approx(0.016 * 0.6)
    assert rates[-1] == pytest.approx(0.016 * 0.2)


def test_pictures_span_minus_one_to_one() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    pictures = to_pictures(levels, torch.device("cpu"))
    assert pictures.min() == -1
    assert pictures.max() == 1
    assert torch.equal(((pictures + 1) * 127.5).round().to(torch.uint8), levels)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_training_lowers_the_loss_and_plays_the_gan_from_its_start(accumulation: int) -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = _settings(images=480, learning_rate=5e-4, accumulation=accumulation)
    trainer = _trainer(settings, "fsq")
    trainer.fit(iter(_batches(settings)))
    curve = [entry["reconstruction"] for entry in trainer.history]
    assert sum(curve[-5:]) < 0.8 * sum(curve[:5])
    start = settings.loss.gan_start
    assert all(("discriminator" in entry) == (entry["step"] > start) for entry in trainer.history)


def test_logit_laplace_trains_a_tokenizer_that_gives_a_scale_and_refuses_another() -> None:
    loss = LossConfig("logit-laplace", perceptual="none", gan="none")
    config = DVAEConfig(image_size=32, width=8, blocks=1, z_channels=8)
    settings = replace(_settings(images=480, learning_rate=1e-4), loss=loss, model=config)
    vqgan = VQGAN(SMOKE.model, create_quantizer("fsq", bits=6))
    with pytest.raises(ValueError, match="choose l1 or l2, or a backbone whose decoder gives it"):
        Trainer(vqgan, settings, 0, make_accelerator(settings.train, cpu=True), "run").fit(iter(_batches(settings)))
    torch.manual_seed(0)
    dvae = DVAE(config, create_quantizer("fsq", bits=6))
    trainer = Trainer(dvae, settings, 0, make_accelerator(settings.train, cpu=True), "run")
    trainer.fit(iter(_batches(settings)))
    curve = [entry["reconstruction"] for entry in trainer.history]
    assert curve[-1] < curve[0] - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["vq-ema", "gumbel"])
def test_a_resumed_run_ends_in_the_same_weights(tmp_path: Path, quantizer: str) -> None:
    settings = _settings()
    whole = _trainer(settings, quantizer)
    whole.fit(iter(_batches(settings)))

    checkpoint = tmp_path / "state"
    first = _trainer(settings, quantizer)
    first.fit(iter(_batches(settings)[:7]), checkpoint, every=6)
    second = _trainer(settings, quantizer)
    torch.manual_seed(99)  # the random state is the checkpoint's, not the process's
    second.load(checkpoint)
    assert second.step == 6
    second.fit(iter(_batches(settings, 6)), checkpoint, every=100)

    states = _state(whole), _state(second)
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    losses = [[{**entry, "images_per_second": 0} for entry in trainer.history] for trainer in (whole, second)]
    assert losses[0] == losses[1]


def test_another_number_of_processes_goes_on_with_noise_that_follows_from_seed_and_step(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state"
    settings = _settings()
    first = _trainer(settings)
    first.fit(iter(_batches(settings)[:3]), checkpoint, every=3)
    tree = load_tree(checkpoint)
    kept = tree["random"][0]["cpu"]
    tree["random"] = [{"cpu": kept}, {"cpu": kept + 1}]  # as of two processes
    save_tree(checkpoint, tree)
    noise = []
    for _ in range(2):
        second = _trainer(settings)
        second.resume(checkpoint)
        assert second.step == 3
        noise.append(torch.get_rng_state())
    assert torch.equal(*noise)
    assert not torch.equal(noise[0], kept)
    for name, tensor in _state(first).items():
        assert torch.equal(tensor, _state(second)[name]), name


class Recall:
    """Gives a training's batches again, and says which were asked for."""

    def __init__(self, settings: Settings) -> None:
        self.batches, self.asked = _batches(settings), []

    def __call__(self, start: int, count: int) -> list[Tensor]:
        self.asked.append((start, count))
        return self.batches[start : start + count]


def _deferring(settings: Settings, quantizer: str, recall: Recall | None) -> Trainer:
    torch.manual_seed(0)
    tokenizer = VQGAN(settings.model, create_quantizer(quantizer, bits=6, dim=settings.dim))
    return Trainer(tokenizer, settings, 0, make_accelerator(settings.train, cpu=True), "run", recall)


def test_a_deferred_quantizer_starts_on_the_latents_of_many_pictures() -> None:
    settings = replace(_settings(), deferred=0.4)
    recall = Recall(settings)
    trainer = _deferring(settings, "vq-ema", recall)
    (quantizer,) = trainer.tokenizer.quantizers
    seen: list[tuple[bool, int]] = []
    quantizer.register_forward_hook(lambda _, given, out: seen.append((quantizer.deferred, len(given[0]))))
    trainer.fit(iter(_batches(settings)[:4]))
    assert quantizer.needs_start
    assert recall.asked == []
    latents = torch.cat([trainer.tokenizer.latent(to_pictures(batch, trainer.device)) for batch in _batches(settings)])
    trainer.fit(iter(_batches(settings)[4:]))
    assert recall.asked == [(0, 10)]  # all that a training of ten steps has
    assert not quantizer.needs_start
    assert [deferred for deferred, _ in seen] == [True] * 14 + [False] * 7
    assert seen[14] == (False, 160)  # started at once on the pictures of all these batches
    vectors = quantizer.codebook()
    spread = (vectors - vectors.mean(0)).norm() / (latents.movedim(1, -1).flatten(0, -2).std(0).norm() * 8)
    assert 0.3 < spread < 3  # on the scale of the latents
    assert "perplexity" not in trainer.history[0]
    assert trainer.history[-1]["perplexity"] > 1


@pytest.mark.parametrize("weight_ema", [0.0, 0.5])
def test_weights_lie_channels_last_in_training_and_as_ever_in_what_is_stored(weight_ema: float) -> None:
    settings = _settings(weight_ema=weight_ema)
    trainer = _trainer(settings)
    weight = trainer.tokenizer.get_parameter("encoder.conv_in.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    trainer.fit(iter(_batches(settings)[:1]))
    assert all(tensor.is_contiguous() for tensor in trainer.evaluated().state_dict().values())


def test_without_anything_deferred_the_first_batch_starts_the_quantizer() -> None:
    settings = _settings()
    recall = Recall(settings)
    trainer = _deferring(settings, "vq-ema", recall)
    trainer.fit(iter(_batches(settings)[:1]))
    assert not trainer.tokenizer.quantizers[0].needs_start
    assert recall.asked == []


def test_a_schedule_of_the_quantizer_begins_with_it() -> None:
    settings = replace(_settings(), deferred=0.5)
    trainer = _deferring(settings, "gumbel", Recall(settings))
    (quantizer,) = trainer.tokenizer.quantizers
    told: list[float] = []
    quantizer.anneal = told.append
    trainer.fit(iter(_batches(settings)))
    assert told == pytest.approx([0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("last", [3, 4, 6])
def test_a_deferred_run_that_is_resumed_ends_in_the_same_weights(tmp_path: Path, last: int) -> None:
    settings = replace(_settings(), deferred=0.4)
    whole = _deferring(settings, "vq-ema", Recall(settings))
    whole.fit(iter(_batches(settings)))
    checkpoint = tmp_path / "state"
    first = _deferring(settings, "vq-ema", Recall(settings))
    first.fit(iter(_batches(settings)[: last + 1]), checkpoint, every=last)
    second = _deferring(settings, "vq-ema", Recall(settings))
    second.load(checkpoint)
    second.fit(iter(_batches(settings, last)))
    for (name, one), other in zip(_state(whole).items(), _state(second).values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="deferred must be a finite number >= 0 and < 1"):
        replace(_settings(), deferred=share)


def test_a_share_that_rounds_to_all_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"deferred 0\.99 of 10 steps leaves none"):
        replace(_settings(), deferred=0.99)


def test_a_stop_saves_the_step_that_it_interrupts(tmp_path: Path) -> None:
    settings = _settings()
    trainer = _trainer(settings)
    with pytest.raises(TrainingStopped, match="step 3 of 10"):
        trainer.fit(iter(_batches(settings)), tmp_path / "state", 100, stop_requested=lambda: trainer.step == 3)
    resumed = _trainer(settings)
    resumed.load(tmp_path / "state")
    assert resumed.step == 3


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    settings = _settings()
    trainer = _trainer(settings)
    trainer.save(tmp_path / "state")
    with pytest.raises(CheckpointError, match="belongs to the run run"):
        _trainer(settings, run="another").load(tmp_path / "state")


def test_a_loss_that_is_not_finite_stops_the_run_with_step_and_term_named(tmp_path: Path) -> None:
    settings = _settings()
    trainer = _trainer(settings, "fsq")

    def poison(now: Progress) -> None:
        if now.step == 3:
            trainer.tokenizer.last_layer.data.fill_(torch.nan)

    with pytest.raises(TrainingError, match=r"step 4: the loss term reconstruction and perceptual and total"):
        trainer.fit(iter(_batches(settings)), tmp_path / "state", every=2, on_progress=poison)
    resumed = _trainer(settings, "fsq")
    resumed.load(tmp_path / "state")
    assert resumed.step == 2
    assert all(torch.isfinite(tensor).all() for tensor in resumed.tokenizer.state_dict().values())


def test_a_latent_that_is_not_finite_stops_the_run_with_its_step() -> None:
    settings = _settings(learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"step \d+: the forward pass failed: z"):
        _trainer(settings, "fsq").fit(iter(_batches(settings)))


def test_the_evaluated_weights_are_the_average_of_the_trained_ones() -> None:
    settings = _settings(weight_ema=0.5)
    trainer = _trainer(settings, "fsq")
    weights: list[Tensor] = []
    trainer.fit(
        iter(_batches(settings)), on_progress=lambda now: weights.append(trainer.tokenizer.last_layer.detach().clone())
    )
    average = weights[0]
    for weight in weights[1:]:
        average = 0.5 * average + 0.5 * weight
    torch.testing.assert_close(trainer.evaluated().last_layer.detach(), average)


def _trained_in_parts(parts: int, backbone: BackboneName, quantizer: str) -> dict[str, Tensor]:
    """After three steps: the start on a first batch, statistics of more than one, revived codes, batch entropies."""
    own = preset_settings("smoke", backbone)
    train = replace(own.train, images=48, batch_size=16, weight_ema=0.0, learning_rate=1e-5, accumulation=parts)
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = replace(own, train=train, loss=replace(own.loss, gan="none"))
    trainer = _trainer(settings, quantizer)
    trainer.fit(iter(_batches(settings)))
    assert trainer.history[-1]["images_per_second"] > 0
    return _state(trainer) | {name: torch.tensor(value) for name, value in trainer.history[-1].items()}


@pytest.mark.parametrize(
    ("backbone", "quantizer"),
    [
        *[("vqgan", entry.name) for entry in list_quantizers()],
        *[(backbone, "vq-ema") for backbone in get_args(BackboneName) if backbone != "vqgan"],
    ],
)
def test_a_batch_in_parts_trains_as_a_whole_one(backbone: BackboneName, quantizer: str) -> None:
    whole, parts = (_trained_in_parts(parts, backbone, quantizer) for parts in (1, 4))
    for name, tensor in whole.items():
        if name != "images_per_second":
            torch.testing.assert_close(parts[name], tensor, rtol=1e-3, atol=1e-5, msg=f"{name}: {{}}".format)


@pytest.mark.slow
def test_bf16_autocast_trains_with_the_whole_loss() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = _settings(precision="bf16")
    trainer = _trainer(settings)
    seen: list[Progress] = []
    trainer.fit(iter(_batches(settings)), on_progress=seen.append)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert seen[-1].step == settings.train.steps
    assert {"reconstruction", "perceptual", "quantizer", "generator", "discriminator"} <= seen[-1].values.keys()
    assert trainer.tokenizer.last_layer.dtype == torch.float32


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        _trainer(_settings(accumulation=3))
