"""The trainer: its schedule, exact resuming, what it averages, and how it stops."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from smoke_training import SMOKE, smoke_batches, smoke_settings, smoke_trainer, state_of
from torch import Tensor

from autoencoders import VQGAN, LossConfig
from autoencoders.pictures.dvae import DVAE
from autoencoders.pictures.sizes import DVAEConfig
from benchmarks.training.loop import Progress, TrainingError, TrainingStopped, learning_rate, make_accelerator
from benchmarks.training.presets import preset_settings
from benchmarks.training.signals.pictures import Pictures
from benchmarks.training.trainer import Trainer
from quantizers import create_quantizer
from storage.checkpoint import CheckpointError, load_tree, save_tree


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
    pictures = Pictures().to_float(levels, torch.device("cpu"))
    assert pictures.min() == -1
    assert pictures.max() == 1
    assert torch.equal(((pictures + 1) * 127.5).round().to(torch.uint8), levels)


@pytest.mark.parametrize(
    ("restarts", "shared", "rank", "is_warned"),
    [("3", "True", "0", True), ("3", "True", "1", False), ("3", "False", "0", False), ("0", "True", "0", False)],
)
def test_restarts_that_may_hang_are_warned_of(
    restarts: str,
    shared: str,
    rank: str,
    is_warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in (("MAX_RESTARTS", restarts), ("USE_AGENT_STORE", shared)):
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    monkeypatch.setenv("RANK", rank)
    make_accelerator(SMOKE.train, cpu=True)
    assert ("TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in caplog.text) == is_warned


@pytest.mark.parametrize("accumulation", [1, 2])
def test_training_lowers_the_loss_and_plays_the_gan_from_its_start(accumulation: int) -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = smoke_settings(images=480, learning_rate=5e-4, accumulation=accumulation)
    trainer = smoke_trainer(settings, "fsq")
    trainer.fit(iter(smoke_batches(settings)))
    curve = [entry["reconstruction"] for entry in trainer.history]
    assert sum(curve[-5:]) < 0.8 * sum(curve[:5])
    start = settings.loss.gan_start
    assert all(("discriminator" in entry) == (entry["step"] > start) for entry in trainer.history)


def test_logit_laplace_trains_a_tokenizer_that_gives_a_scale_and_refuses_another() -> None:
    loss = LossConfig("logit-laplace", perceptual="none", gan="none")
    config = DVAEConfig(image_size=32, width=8, blocks=1, z_channels=8)
    settings = replace(smoke_settings(images=480, learning_rate=1e-4), loss=loss, model=config)
    vqgan = VQGAN(SMOKE.model, create_quantizer("fsq", bits=6))
    with pytest.raises(ValueError, match="choose l1 or l2, or a backbone whose decoder gives it"):
        Trainer(vqgan, settings, 0, make_accelerator(settings.train, cpu=True), "run").fit(
            iter(smoke_batches(settings))
        )
    torch.manual_seed(0)
    dvae = DVAE(config, create_quantizer("fsq", bits=6))
    trainer = Trainer(dvae, settings, 0, make_accelerator(settings.train, cpu=True), "run")
    trainer.fit(iter(smoke_batches(settings)))
    curve = [entry["reconstruction"] for entry in trainer.history]
    assert curve[-1] < curve[0] - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["vq-ema", "gumbel"])
def test_a_resumed_run_ends_in_the_same_weights(tmp_path: Path, quantizer: str) -> None:
    settings = smoke_settings()
    whole = smoke_trainer(settings, quantizer)
    whole.fit(iter(smoke_batches(settings)))

    checkpoint = tmp_path / "state"
    first = smoke_trainer(settings, quantizer)
    first.fit(iter(smoke_batches(settings)[:7]), checkpoint, every=6)
    second = smoke_trainer(settings, quantizer)
    torch.manual_seed(99)  # the random state is the checkpoint's, not the process's
    second.load(checkpoint)
    assert second.step == 6
    second.fit(iter(smoke_batches(settings, 6)), checkpoint, every=100)

    states = state_of(whole), state_of(second)
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    losses = [[{**entry, "images_per_second": 0} for entry in trainer.history] for trainer in (whole, second)]
    assert losses[0] == losses[1]


def test_another_number_of_processes_goes_on_with_noise_that_follows_from_seed_and_step(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state"
    settings = smoke_settings()
    first = smoke_trainer(settings)
    first.fit(iter(smoke_batches(settings)[:3]), checkpoint, every=3)
    tree = load_tree(checkpoint)
    kept = tree["random"][0]["cpu"]
    tree["random"] = [{"cpu": kept}, {"cpu": kept + 1}]  # as of two processes
    save_tree(checkpoint, tree)
    noise = []
    for _ in range(2):
        second = smoke_trainer(settings)
        second.resume(checkpoint)
        assert second.step == 3
        noise.append(torch.get_rng_state())
    assert torch.equal(*noise)
    assert not torch.equal(noise[0], kept)
    for name, tensor in state_of(first).items():
        assert torch.equal(tensor, state_of(second)[name]), name


@pytest.mark.parametrize("weight_ema", [0.0, 0.5])
def test_weights_lie_channels_last_in_training_and_as_ever_in_what_is_stored(weight_ema: float) -> None:
    settings = smoke_settings(weight_ema=weight_ema)
    trainer = smoke_trainer(settings)
    weight = trainer.tokenizer.get_parameter("encoder.conv_in.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    trainer.fit(iter(smoke_batches(settings)[:1]))
    assert all(tensor.is_contiguous() for tensor in trainer.evaluated().state_dict().values())


def test_weights_of_layers_of_pictures_and_of_films_lie_channels_last_in_one_network() -> None:
    trainer = smoke_trainer(preset_settings("video-smoke", "vidtok"))
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    weights = [weight for weight in trainer.tokenizer.parameters() if weight.ndim in formats]
    assert {weight.ndim for weight in weights} == {4, 5}
    assert all(weight.is_contiguous(memory_format=formats[weight.ndim]) for weight in weights)


def test_a_stop_saves_the_step_that_it_interrupts(tmp_path: Path) -> None:
    settings = smoke_settings()
    trainer = smoke_trainer(settings)
    with pytest.raises(TrainingStopped, match="step 3 of 10"):
        trainer.fit(iter(smoke_batches(settings)), tmp_path / "state", 100, stop_requested=lambda: trainer.step == 3)
    resumed = smoke_trainer(settings)
    resumed.load(tmp_path / "state")
    assert resumed.step == 3


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    settings = smoke_settings()
    trainer = smoke_trainer(settings)
    trainer.save(tmp_path / "state")
    with pytest.raises(CheckpointError, match="belongs to the run run"):
        smoke_trainer(settings, run="another").load(tmp_path / "state")


def test_a_loss_that_is_not_finite_stops_the_run_with_step_and_term_named(tmp_path: Path) -> None:
    settings = smoke_settings()
    trainer = smoke_trainer(settings, "fsq")

    def poison(now: Progress) -> None:
        if now.step == 3:
            trainer.tokenizer.last_layer.data.fill_(torch.nan)

    with pytest.raises(TrainingError, match=r"step 4: the loss term reconstruction and perceptual and total"):
        trainer.fit(iter(smoke_batches(settings)), tmp_path / "state", every=2, on_progress=poison)
    resumed = smoke_trainer(settings, "fsq")
    resumed.load(tmp_path / "state")
    assert resumed.step == 2
    assert all(torch.isfinite(tensor).all() for tensor in resumed.tokenizer.state_dict().values())


def test_a_latent_that_is_not_finite_stops_the_run_with_its_step() -> None:
    settings = smoke_settings(learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"step \d+: the forward pass failed: z"):
        smoke_trainer(settings, "fsq").fit(iter(smoke_batches(settings)))


def test_the_evaluated_weights_are_the_average_of_the_trained_ones() -> None:
    settings = smoke_settings(weight_ema=0.5)
    trainer = smoke_trainer(settings, "fsq")
    weights: list[Tensor] = []
    trainer.fit(
        iter(smoke_batches(settings)),
        on_progress=lambda now: weights.append(trainer.tokenizer.last_layer.detach().clone()),
    )
    average = weights[0]
    for weight in weights[1:]:
        average = 0.5 * average + 0.5 * weight
    torch.testing.assert_close(trainer.evaluated().last_layer.detach(), average)


@pytest.mark.slow
def test_bf16_autocast_trains_with_the_whole_loss() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = smoke_settings(precision="bf16")
    trainer = smoke_trainer(settings)
    seen: list[Progress] = []
    trainer.fit(iter(smoke_batches(settings)), on_progress=seen.append)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert seen[-1].step == settings.train.steps
    assert {"reconstruction", "perceptual", "quantizer", "generator", "discriminator"} <= seen[-1].values.keys()
    assert trainer.tokenizer.last_layer.dtype == torch.float32


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        smoke_trainer(smoke_settings(accumulation=3))
