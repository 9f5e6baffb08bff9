"""Works of a codec's networks for sound: samples to latents, and latents to samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from autoencoders.audio.seanet import Decoder, Encoder
from autoencoders.audio.sizes import ENCODEC_24KHZ
from benchmarks.data.machine import torch_threads
from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.names import OURS, TRANSFORMERS
from benchmarks.protocols.speed.peers import load
from benchmarks.protocols.speed.work import Competitor, Work

CHANNELS = 128
"""Of the latents."""

Network = type[Encoder] | type[Decoder]


def encoding_work(positions: int, goals: tuple[Goal, ...] = ()) -> Work:
    """Of a sound of so many positions, `ENCODEC_24KHZ.stride` samples each."""
    return _work("encoding", Encoder, "encoder", (1, 1, positions * ENCODEC_24KHZ.stride), positions, goals)


def decoding_work(positions: int, goals: tuple[Goal, ...] = ()) -> Work:
    """The way back, from latents."""
    return _work("decoding", Decoder, "decoder", (1, CHANNELS, positions), positions, goals)


def _work(
    kind: str, network: Network, part: str, shape: tuple[int, ...], positions: int, goals: tuple[Goal, ...]
) -> Work:
    """A network of EnCodec at 24 kHz on one thread, ours and the package's with the same fresh weights."""

    def ours(device: torch.device) -> Callable[[], Tensor]:
        return _on_noise(_fresh(network), shape, device)

    def theirs(device: torch.device) -> Callable[[], Tensor]:
        transformers = load("transformers")
        peer = getattr(transformers.EncodecModel(transformers.EncodecConfig()), part)
        nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(_fresh(network).parameters()), peer.parameters())
        return _on_noise(peer, shape, device)

    competitors = (
        Competitor(OURS, "autoencoders.audio.seanet, eval mode, one thread", ours),
        Competitor(TRANSFORMERS, f"EncodecModel.{part} with our weights, eval mode, one thread", theirs),
    )
    return Work(kind, "SEANet", {"N": positions, "D": CHANNELS}, competitors, goals)


def _fresh(network: Network) -> nn.Module:
    """With the same weights each time."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return network(ENCODEC_24KHZ, CHANNELS)


def _on_noise(network: nn.Module, shape: tuple[int, ...], device: torch.device) -> Callable[[], Tensor]:
    network = network.to(device).eval()
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)

    def call() -> Tensor:
        with torch_threads(1), torch.inference_mode():
            made: Tensor = network(noise)
        return made

    return call
