"""Which pictures are drawn from a prior, and of which classes."""

from dataclasses import replace

import pytest
import torch

from autoencoders import Tokenizer, VQGANConfig, create_tokenizer
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.protocols.generation.codes import Encoder
from benchmarks.protocols.generation.drawing import drawn_labels, generate, sampling_speed
from benchmarks.protocols.generation.settings import GenerationConfig
from priors import CodeLayout, GPTConfig, Prior, create_prior
from quantizers import create_quantizer

CONFIG = GenerationConfig(count=5, batch_size=2)


@pytest.fixture
def encoder() -> Encoder:
    """A tokenizer with random weights."""
    torch.manual_seed(0)
    sizes = VQGANConfig(image_size=16, width=8, multipliers=(1, 1), blocks=1, attention_resolutions=(), z_channels=8)
    tokenizer: Tokenizer = create_tokenizer(sizes, [create_quantizer("vq", dim=8, codebook_size=64)]).eval()
    return Encoder(tokenizer, CodeLayout.of(tokenizer, 16), torch.device("cpu"), to_unit_range, to_uint8)


@pytest.fixture
def prior(encoder: Encoder) -> Prior:
    """One of three classes, with weights so large that the class decides much."""
    torch.manual_seed(1)
    prior = create_prior(GPTConfig(width=16, layers=1, heads=1), encoder.layout, classes=3).eval()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter *= 20
    return prior


def drawn(prior: Prior, encoder: Encoder, *classes: int, config: GenerationConfig = CONFIG) -> torch.Tensor:
    return torch.cat([*generate(prior, encoder, config, 0, classes)])


def test_each_picture_is_of_its_class(prior: Prior, encoder: Encoder) -> None:
    both, ones, twos = (drawn(prior, encoder, *classes) for classes in ((1, 2), (1,), (2,)))
    assert both.shape == (5, 3, 16, 16)
    assert torch.equal(both[::2], ones[::2])
    assert torch.equal(both[1::2], twos[1::2])
    assert not torch.equal(ones[::2], twos[::2])


def test_labels_are_the_classes_in_turn() -> None:
    assert drawn_labels((4, 1, 7), 5).tolist() == [4, 1, 7, 4, 1]
    assert drawn_labels((), 5) is None


def test_speed_is_that_of_the_classes_that_are_drawn(prior: Prior, encoder: Encoder) -> None:
    found = sampling_speed(prior, encoder, replace(CONFIG, count=2), (2,))
    assert found.batch_size == 2
    with pytest.raises(ValueError, match="labels are missing"):
        sampling_speed(prior, encoder, CONFIG)
