"""Roundings and forms of metrics against scikit-image, torchmetrics, pytorch-msssim and the numbers themselves."""

import numpy as np
import pytest
import pytorch_msssim
import torch
from skimage import data
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure
from torchmetrics.image import PeakSignalNoiseRatio

from benchmarks.metrics.pictures import PSNR_CAP, to_uint8
from benchmarks.protocols.variants.forms import CHANNELS, MS_SSIM_FORMS, PSNR_FORMS, SSIM_FORMS
from benchmarks.protocols.variants.levels import LEVELS


def photographs(height: int = 64, width: int = 80) -> torch.Tensor:
    pictures = (data.astronaut(), data.cat(), data.coffee())
    return torch.stack([torch.from_numpy(p[40:, 60:][:height, :width].copy()) for p in pictures]).movedim(3, 1)


def output_for(originals: torch.Tensor) -> torch.Tensor:
    """What a tokenizer may give: noisy, not rounded, beyond [-1, 1] here and there."""
    noise = torch.randn(originals.shape, generator=torch.Generator().manual_seed(0))
    return originals / 127.5 - 1 + 0.2 * noise


def pairs(originals: torch.Tensor, reconstructions: torch.Tensor):
    return zip(originals.movedim(1, 3).numpy(), reconstructions.movedim(1, 3).numpy(), strict=True)


def test_roundings_by_numpy():
    originals = photographs()
    output = output_for(originals)
    exact = np.clip((output.numpy() + np.float32(1)) * np.float32(127.5), 0, 255)
    expected = {
        "nearest": np.rint(exact),
        "half-up": np.floor(exact + 0.5),
        "truncated": np.floor(exact),
        "both-truncated": np.floor(exact),
        "float": exact,
        "unclamped": (output.numpy() + np.float32(1)) * np.float32(127.5),
    }
    assert set(expected) == set(LEVELS)
    for name, levels in expected.items():
        kept, found = LEVELS[name](originals, output)
        assert found.dtype == (torch.float32 if name in ("float", "unclamped") else torch.uint8)
        near = np.abs(found.numpy() - levels) < 1e-4
        assert near.all() if name != "half-up" else near.mean() > 0.9999  # 127.5 x + 128 rounds elsewhere
        assert torch.equal(kept, originals) == (name != "both-truncated")


def test_truncation_is_half_a_level_darker_and_rounding_is_not():
    originals = photographs()
    offsets = torch.rand(originals.shape, generator=torch.Generator().manual_seed(1)) - 0.5
    output = (originals + offsets) / 127.5 - 1
    inside = (originals > 0) & (originals < 255)
    for name, bias in (("nearest", 0.0), ("half-up", 0.0), ("truncated", -0.5)):
        found = LEVELS[name](originals, output)[1]
        assert (found.float() - originals)[inside].mean().item() == pytest.approx(bias, abs=0.01)


def test_ties_go_to_even_or_upwards():
    output = torch.tensor([-1, 0, 1]).view(1, 3, 1, 1) / 127.5  # levels 126.5, 127.5 and 128.5
    originals = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    expected = {"nearest": [126, 128, 128], "half-up": [127, 128, 129], "truncated": [126, 127, 128]}
    assert {name: LEVELS[name](originals, output)[1].flatten().tolist() for name in expected} == expected


def test_originals_that_lose_a_level():
    """By numpy, as taming-transformers saves them."""
    levels = np.arange(256, dtype=np.uint8)
    images = (levels / 127.5 - 1.0).astype(np.float32)
    expected = ((images + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
    assert (expected != levels).sum() == 95
    originals = torch.from_numpy(levels).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    found = LEVELS["both-truncated"](originals, originals / 127.5 - 1)[0]
    np.testing.assert_array_equal(found[0, 0].flatten().numpy(), expected)


def test_psnr_of_mean_equals_torchmetrics_as_it_comes():
    originals = photographs()
    reconstructions = to_uint8(output_for(originals))
    reconstructions[0] = originals[0]  # exact, which a mean of decibels counts as the cap
    form = PSNR_FORMS["decibels of mean"]
    metric = PeakSignalNoiseRatio(data_range=255.0)
    for one, other in zip(reconstructions, originals, strict=True):
        metric.update(one.double(), other.double())
    errors = form.of_picture(reconstructions, originals)
    assert form.of_all(errors) == pytest.approx(metric.compute().item(), abs=1e-4)
    assert form.of_all(torch.zeros(3)) == PSNR_CAP
    mean = PSNR_FORMS["mean of decibels"]
    values = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in [*pairs(originals, reconstructions)][1:]]
    assert mean.of_all(mean.of_picture(reconstructions, originals)) == pytest.approx((sum(values) + PSNR_CAP) / 3)
    assert form.of_all(errors[1:]) < sum(values) / 2


@pytest.mark.parametrize(("name", "data_range"), [("uniform", 255), ("uniform, double range", 510)])
@pytest.mark.parametrize("levels", ["nearest", "float"])
def test_uniform_ssim_equals_scikit_image(name, data_range, levels):
    originals, reconstructions = LEVELS[levels](photographs(), output_for(photographs()))
    expected = [
        structural_similarity(a.astype(np.float64), b.astype(np.float64), channel_axis=-1, data_range=data_range)
        for a, b in pairs(originals, reconstructions)
    ]
    np.testing.assert_allclose(SSIM_FORMS[name](reconstructions, originals), expected, rtol=0, atol=1e-10)


def test_llamagens_call_of_scikit_image():
    """Pictures in [0, 1], said to have a range of 2: higher than with their true range."""
    originals, reconstructions = LEVELS["half-up"](photographs(), output_for(photographs()))
    scaled = [(a / 255, b / 255) for a, b in pairs(originals, reconstructions)]
    expected = [structural_similarity(a, b, data_range=2.0, channel_axis=-1) for a, b in scaled]
    found = SSIM_FORMS["uniform, double range"](reconstructions, originals)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    assert (found > SSIM_FORMS["uniform"](reconstructions, originals)).all()


def test_bordered_ssim_takes_the_mirrored_border():
    originals = photographs()
    reconstructions = to_uint8(output_for(originals))
    padded = [torch.nn.functional.pad(x.double(), (5, 5, 5, 5), mode="reflect") for x in (reconstructions, originals)]
    expected = pytorch_msssim.ssim(*padded, data_range=255, size_average=False)
    np.testing.assert_allclose(
        SSIM_FORMS["gaussian with border"](reconstructions, originals), expected, rtol=0, atol=1e-5
    )
    single = structural_similarity_index_measure(reconstructions[:1].double(), originals[:1].double(), data_range=255.0)
    assert SSIM_FORMS["gaussian with border"](reconstructions, originals)[0] == pytest.approx(single.item())


@pytest.mark.parametrize("size", [(176, 192), (181, 199)])
def test_ms_ssim_by_channel_equals_pytorch_msssim(size):
    originals = photographs(*size)
    reconstructions = to_uint8(output_for(originals))
    given = reconstructions.double(), originals.double()
    expected = pytorch_msssim.ms_ssim(*given, data_range=255, size_average=False)
    np.testing.assert_allclose(
        MS_SSIM_FORMS["by channel"](reconstructions, originals), expected, rtol=0, atol=1e-5
    )  # its window: float32


def test_luma_is_that_of_bt_601():
    originals = photographs()
    found = CHANNELS["luma"](originals)
    assert found.shape == (3, 1, 64, 80)
    expected = rgb2ycbcr(originals.movedim(1, 3).numpy())[..., 0]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-3)
    reconstructions = to_uint8(output_for(originals))
    values = [
        peak_signal_noise_ratio(a[..., 0], b[..., 0], data_range=255)
        for a, b in pairs(found, CHANNELS["luma"](reconstructions))
    ]
    form = PSNR_FORMS["mean of decibels"]
    assert form.of_all(form.of_picture(CHANNELS["luma"](reconstructions), found)) == pytest.approx(np.mean(values))
