"""Works of the VQGAN backbone around no quantizer: what a step of training costs beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autoencoders.pretrained.diffusers import load_diffusers
from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.names import DIFFUSERS, OURS
from benchmarks.protocols.speed.peers import load
from benchmarks.protocols.speed.work import Competitor, Work

LEVELS, WIDTH = 5, 64
"""Of stride 16 and with attention at the coarsest level, as published; the levels all of one width, the half of the
published narrowest, for which both have norms of equally many groups."""

IN_SINGLE = f"{DIFFUSERS}: float32"


def backbone_work(count: int, side: int, goals: tuple[Goal, ...] = (), *, long: bool = False) -> Work:
    """A step on so many square pictures of so many pixels a side, in float32."""
    competitors = (
        Competitor(OURS, "VQGAN, channels_last", lambda device: _ours(count, side, device)),
        Competitor(DIFFUSERS, "VQModel with our weights", lambda device: _theirs(count, side, device)),
    )
    return Work("training step", "VQGAN", {"N": count, "side": side}, competitors, goals, long)


def mixed_backbone_work(count: int, side: int, goals: tuple[Goal, ...] = (), *, long: bool = False) -> Work:
    """The same under autocast to bfloat16, beside the peer under it and without."""
    competitors = (
        Competitor(OURS, "VQGAN, channels_last, autocast", lambda device: _ours(count, side, device, mixed=True)),
        Competitor(
            DIFFUSERS, "VQModel with our weights, autocast", lambda device: _theirs(count, side, device, mixed=True)
        ),
        Competitor(IN_SINGLE, "VQModel with our weights", lambda device: _theirs(count, side, device)),
    )
    return Work("bf16 training step", "VQGAN", {"N": count, "side": side}, competitors, goals, long)


def _ours(count: int, side: int, device: torch.device, *, mixed: bool = False) -> Callable[[], Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        _peer().save_pretrained(folder)
        model = load_diffusers(folder).train()
    model = model.to(device).to(memory_format=torch.channels_last)
    pictures = _noise(count, side, device).to(memory_format=torch.channels_last)
    return _step(model, lambda: model.from_latent(model.latent(pictures)), pictures, mixed)


def _theirs(count: int, side: int, device: torch.device, *, mixed: bool = False) -> Callable[[], Tensor]:
    model = _peer().to(device).train()
    pictures = _noise(count, side, device)

    def reconstruct() -> Tensor:
        decoded: Tensor = model.decode(model.encode(pictures).latents, force_not_quantize=True).sample
        return decoded

    return _step(model, reconstruct, pictures, mixed)


def _step(
    model: torch.nn.Module, reconstruct: Callable[[], Tensor], pictures: Tensor, mixed: bool
) -> Callable[[], Tensor]:
    """Forward, mean absolute difference, backward to the weights; returns the reconstruction."""

    def step() -> Tensor:
        model.zero_grad(set_to_none=True)
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=mixed):
            made = reconstruct()
        (made.float() - pictures).abs().mean().backward()
        return made.detach()

    return step


def _peer() -> Any:
    """The package's model with the same fresh weights each time."""
    diffusers = load("diffusers")
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return diffusers.VQModel(
            down_block_types=("DownEncoderBlock2D",) * (LEVELS - 1) + ("AttnDownEncoderBlock2D",),
            up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * (LEVELS - 1),
            block_out_channels=(WIDTH,) * LEVELS,
            layers_per_block=2,
            latent_channels=WIDTH,
            norm_num_groups=WIDTH // 4,
            num_vq_embeddings=16,
            vq_embed_dim=WIDTH,
        )


def _noise(count: int, side: int, device: torch.device) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
