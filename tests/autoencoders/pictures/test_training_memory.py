import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autoencoders import LossConfig, VQGANConfig, training_memory

CONFIG = VQGANConfig(64, width=32, multipliers=(1, 1), blocks=1, attention_resolutions=(), z_channels=8)
PLAIN = LossConfig(perceptual="none", gan="none")

MEASURE = """
import resource, torch
from dataclasses import replace
from torch import nn
from autoencoders import VQGANConfig
from autoencoders.pictures.vqgan import Decoder, Encoder
torch.set_num_threads(1)
config = VQGANConfig(64, width=32, multipliers=(1, 1), blocks=1, attention_resolutions=(), z_channels=8)
def peak_of_step(batch, checkpointing):
    before = resource.getpagesize() * int(open("/proc/self/statm").read().split()[1])
    model = replace(config, gradient_checkpointing=checkpointing)
    model = nn.Sequential(Encoder(model), Decoder(model))
    images = torch.rand(batch, 3, 64, 64)
    (model(images) - images).abs().mean().backward()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
peak_of_step(1, True)  # code and kernels are loaded
print(peak_of_step(32, False))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets up glibc")
def test_estimate_agrees_with_a_measured_peak() -> None:
    """Of the resident memory, with every tensor mapped on its own, so that what is freed leaves it at once."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    environment |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=environment)
    ratio = int(run.stdout) / training_memory(CONFIG, PLAIN, 32, dim=8).activations
    assert 0.95 < ratio < 1.15


def test_activations_grow_with_the_batch_and_weights_do_not() -> None:
    one, four = (training_memory(CONFIG, PLAIN, batch, dim=8) for batch in (1, 4))
    assert four.weights == one.weights
    assert four.activations == pytest.approx(4 * one.activations, rel=0.01)
    assert one.total == one.weights + one.activations


def test_published_model() -> None:
    """71.7 M weights of encoder and decoder, 1 × 1 convolutions, 2.8 M of the discriminator, in fp32."""
    config, loss = VQGANConfig(), LossConfig(perceptual="ms-ssim")
    memory = training_memory(config, loss, 1, dim=256)
    tokenizer, discriminator = 29_298_176 + 42_449_795 + 2 * 256 * 257, 2_765_633
    assert memory.weights == 4 * (5 * tokenizer + 4 * discriminator)
    no_average = training_memory(config, loss, 1, dim=256, weight_average=False)
    assert memory.weights - no_average.weights == 4 * tokenizer


def test_what_saves_memory_saves_memory() -> None:
    plain = training_memory(CONFIG, PLAIN, 2, dim=8).activations
    assert training_memory(CONFIG, PLAIN, 2, dim=8, precision=torch.bfloat16).activations < 0.7 * plain
    assert training_memory(replace(CONFIG, gradient_checkpointing=True), PLAIN, 2, dim=8).activations < 0.7 * plain
    assert training_memory(CONFIG, LossConfig(perceptual="ms-ssim"), 2, dim=8).activations > 1.05 * plain


def test_lpips_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg16-397923af.pth").touch()  # its presence counts, its bytes are not read
    plain = training_memory(CONFIG, PLAIN, 1, dim=8)
    lpips = training_memory(CONFIG, LossConfig(perceptual="lpips", gan="none"), 1, dim=8)
    vgg16_features, heads = 14_714_688, 64 + 128 + 256 + 512 + 512
    assert lpips.weights - plain.weights == 4 * (vgg16_features + heads)
    assert lpips.activations > 1.3 * plain.activations
