from collections.abc import Callable

import pytest
import torch
from small_sounds import tones
from torch import nn

from autoencoders.audio.discriminators import (
    BandDiscriminator,
    Discriminators,
    PeriodDiscriminator,
    STFTDiscriminator,
    period_and_band_discriminators,
    stft_discriminators,
)

ALL: dict[str, Callable[[], Discriminators]] = {
    "stft": lambda: stft_discriminators(2, (128, 64), width=2),
    "period and band": lambda: period_and_band_discriminators((2, 3), (128, 64), width=2),
}

each = pytest.mark.parametrize("name", ALL)


@each
def test_every_weight_and_the_sound_get_gradients(name: str) -> None:
    torch.manual_seed(0)
    discriminators, sounds = ALL[name](), tones(2, 500, 2).requires_grad_()
    opinions = discriminators(sounds)
    assert len(opinions) == len(discriminators.parts)
    sum(opinion.logits.square().mean() for opinion in opinions).backward()
    assert all(parameter.grad.any() for parameter in discriminators.parameters())
    assert (sounds.grad != 0).float().mean() > 0.95
    assert all(feature.requires_grad for opinion in opinions for feature in opinion.features)


@each
def test_silence_and_half_precision(name: str) -> None:
    discriminators = ALL[name]()
    for opinion in discriminators(torch.zeros(1, 2, 500)):
        assert opinion.logits.isfinite().all()
    # Bands of the published windows: PyTorch's strided bfloat16 convolutions of one or two columns leave uninitialized
    # numbers on processors with AMX (pytorch issue 169688).
    discriminators = period_and_band_discriminators((2, 3), (512, 256), width=2) if "band" in name else discriminators
    with torch.autocast("cpu", torch.bfloat16):
        for opinion in discriminators(tones(1, 1500, 2)):
            assert opinion.logits.isfinite().all()


def test_the_shapes_of_encodecs() -> None:
    logits, features = STFTDiscriminator(1024)(torch.randn(2, 1, 24_000))
    frames = (24_000 - 1024) // 256 + 1
    assert logits.shape == (2, 1, frames, 65)
    assert [of.shape[1:] for of in features] == [(32, frames, size) for size in (513, 257, 129, 65, 65)]


def test_the_shapes_of_dacs() -> None:
    logits, features = PeriodDiscriminator(3, width=2)(torch.randn(2, 1, 3000))
    rows = 3000 // 3 + 1  # a whole period more, where none is missing
    sizes = [rows := (rows - 1) // 3 + 1 for _ in range(4)]
    assert [of.shape[1:] for of in features] == [
        (width, size, 3) for width, size in zip((2, 8, 32, 64, 64), [*sizes, sizes[-1]], strict=True)
    ]
    assert logits.shape == (2, 1, sizes[-1], 3)
    logits, features = BandDiscriminator(512, width=2)(torch.randn(2, 1, 1281))
    assert len(features) == 25
    assert features[0].shape == (2, 2, 11, 25)  # frequencies from 0 to a tenth of 257; 11 quarter windows begun
    assert features[-1].shape[3] == 9  # those from 192 on: 65, halved three times


def parameters(module: nn.Module) -> int:
    """Without the lengths that normed weights have."""
    return sum(of.numel() for name, of in module.named_parameters() if not name.endswith("original0"))


def test_published_sizes() -> None:
    """Counted on the modules of github.com/facebookresearch/encodec and descriptinc/descript-audio-codec."""
    assert parameters(STFTDiscriminator(1024)) == 94_337
    assert parameters(PeriodDiscriminator(2)) == 8_218_433
    assert parameters(BandDiscriminator(2048)) == 470_529


def test_a_period_sees_every_phase_by_itself() -> None:
    sounds = torch.randn(1, 1, 300, requires_grad=True)
    PeriodDiscriminator(3, width=2)(sounds).logits[..., 1].sum().backward()
    touched = sounds.grad[0, 0].nonzero().flatten()
    assert set((touched % 3).tolist()) == {1} or len(set((touched[:-3] % 3).tolist())) == 1  # but for the reflected end


def test_a_band_sees_its_frequencies_alone() -> None:
    torch.manual_seed(0)
    discriminator = BandDiscriminator(64, width=2)
    times = torch.arange(1024) / 1024
    low, high = torch.sin(2 * torch.pi * 32 * times), torch.sin(2 * torch.pi * 480 * times)
    silent, with_low, with_high = (discriminator(of[None, None]).features for of in (0 * low, low, high))
    change = [[(of[at] - silent[at])[:, :, 4:-4].abs().max().item() for at in (0, 20)] for of in (with_low, with_high)]
    assert change[0][0] > 100 * change[0][1]
    assert change[1][1] > 100 * change[1][0]


def test_loudness_and_offset_do_not_count_where_they_are_taken_out() -> None:
    torch.manual_seed(0)
    sounds = tones(1, 500)
    judge = period_and_band_discriminators((2,), (64,), width=2)
    for ours, expected in zip(judge(3 * sounds + 0.1), judge(sounds), strict=True):
        torch.testing.assert_close(ours.logits, expected.logits, rtol=1e-3, atol=1e-4)
    judge = stft_discriminators(1, (64,), width=2)
    assert not torch.allclose(judge(3 * sounds)[0].logits, judge(sounds)[0].logits, atol=1e-3)
