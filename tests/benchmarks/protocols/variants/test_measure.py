"""One tokenizer under many variants: the protocol's row is the protocol's, each choice moves what it should."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

from autoencoders import BlockMean
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.evaluation import evaluate
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.variants import metrics
from benchmarks.protocols.variants.crops import CROPS
from benchmarks.protocols.variants.measure import explain, passes
from benchmarks.protocols.variants.names import METRICS
from benchmarks.protocols.variants.variants import PAPERS, SINGLE_CHOICES, VARIANTS


class Photographs:
    """Whole pictures, four of them, none square."""

    pictures = tuple(
        Image.fromarray(picture[20:, 30:][:height, :width])
        for picture, height, width in (
            (data.astronaut(), 97, 150),
            (data.cat(), 200, 90),
            (data.coffee(), 80, 121),
            (data.rocket(), 128, 128 + 40),
        )
    )

    def __len__(self) -> int:
        return len(self.pictures)

    def name(self, index: int) -> str:
        return str(index)

    def open(self, index: int) -> Image.Image:
        return self.pictures[index].copy()


class Bright(BlockMean):
    """Beyond the range here and there, so that clamping counts."""

    def reconstruct(self, quantized):
        return 1.3 * super().reconstruct(quantized)


def tokenizer() -> BlockMean:
    return Bright(8).eval()


def evaluated(crop: str, size: int = 48) -> dict[str, float | None]:
    originals = torch.stack([CROPS[crop](picture, size) for picture in Photographs.pictures])
    batches = [(torch.arange(4), originals)]
    return evaluate(tokenizer(), batches, device="cpu", weights=MetricWeights()).metrics


@pytest.fixture(scope="module")
def explained():
    done = []
    found = explain(
        tokenizer(), Photographs(), 48, device="cpu", weights=MetricWeights(), batch_size=3, progress=done.append
    )
    assert done == [3, 1] * passes(VARIANTS)
    return found


def test_every_variant_in_order_the_protocol_first(explained):
    assert list(explained) == list(VARIANTS)
    assert passes(VARIANTS) == len(CROPS)


@pytest.mark.parametrize(
    ("name", "crop"), [(PROTOCOL, "protocol"), ("adm-crop/1", "adm"), ("squash/1", "squash"), ("titok/1", "bicubic")]
)
def test_a_crop_gives_what_the_evaluation_gives_of_it(explained, name, crop):
    expected = evaluated(crop)
    for metric in ("psnr", "ssim", "swd"):
        assert explained[name].metrics[metric] == pytest.approx(expected[metric], rel=1e-9), metric


def test_a_choice_moves_what_depends_on_it_and_nothing_else(explained):
    default = explained[PROTOCOL].metrics
    for name, variant in SINGLE_CHOICES.items():
        changes = variant.changes()
        moved = {metric for metric in ("psnr", "ssim", "swd") if explained[name].metrics[metric] != default[metric]}
        if "crop" in changes:
            expected = {"psnr", "ssim", "swd"}
        else:
            expected = {metric for metric in ("psnr", "ssim", "swd") if set(METRICS[metric]) & changes.keys()}
        assert moved == (expected if name != "half-up/1" else set()), name  # nothing lies half-way


def test_roundings_by_numpy(explained):
    originals = np.stack([CROPS["protocol"](picture, 48).numpy() for picture in Photographs.pictures]).astype(float)
    means = originals.reshape(4, 3, 6, 8, 6, 8).mean((3, 5), keepdims=True)
    output = 1.3 * (np.rint(means) / 127.5 - 1)
    levels = np.broadcast_to((output + 1) * 127.5, (4, 3, 6, 8, 6, 8)).reshape(originals.shape)
    assert levels.min() < 0

    def psnr(reconstructions):
        return (10 * np.log10(255**2 / ((reconstructions - originals) ** 2).mean((1, 2, 3)))).mean()

    clamped = levels.clip(0, 255)
    for name, reconstructions in (
        (PROTOCOL, np.rint(clamped)),
        ("truncated/1", np.floor(clamped)),
        ("float/1", clamped),
        ("unclamped/1", levels),
    ):
        assert explained[name].metrics["psnr"] == pytest.approx(psnr(reconstructions), abs=1e-3), name


def test_a_papers_setting_is_its_choices_together(explained):
    wide = explained["llamagen/1"].metrics
    assert wide["psnr"] == pytest.approx(explained["adm-crop/1"].metrics["psnr"], abs=1e-3)
    assert wide["ssim"] > explained["adm-crop/1"].metrics["ssim"] + 0.01
    assert explained["rq-vae/1"].metrics["psnr"] == explained["maskbit/1"].metrics["psnr"]
    assert explained["open-magvit2/1"].metrics["psnr"] == explained["vqgan/1"].metrics["psnr"]
    assert set(PAPERS) <= explained.keys()


def test_what_is_empty_says_why(explained):
    for found in explained.values():
        assert set(found.missing) == {metric for metric, value in found.metrics.items() if value is None}
    missing = explained[PROTOCOL].missing
    assert "python -m benchmarks.weights" in missing["rfid"]
    assert "--lpips-backbone" in missing["lpips"]
    assert "176 x 176" in missing["ms_ssim"]
    assert "alexnet" in explained["alex-lpips/1"].missing["lpips"]


def test_networks_see_what_their_rounding_says(monkeypatch, tmp_path):
    """Little networks in place of Inception and LPIPS: what reaches them, and that the distance is theirs."""
    seen: dict[str, list[torch.Tensor]] = {"vgg": [], "alex": []}

    class Watching(nn.Module):
        def __init__(self, path, net):
            super().__init__()
            self.net = net

        def forward(self, reconstructions, originals):
            seen[self.net].append(reconstructions)
            return (reconstructions.float() - originals.float()).abs().mean(dim=(1, 2, 3))

    monkeypatch.setattr(metrics, "LPIPS", Watching)
    monkeypatch.setattr(metrics, "find_lpips_backbone", lambda net: tmp_path)
    monkeypatch.setattr(metrics, "FEATURES", 12)
    monkeypatch.setattr(metrics, "features_of", lambda path: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()))
    weights = MetricWeights(inception=tmp_path, lpips_backbone=tmp_path, missing={})
    names = ("truncated/1", "float/1", "alex-lpips/1", "clean-fid/1", "pytorch-fid/1", "maskbit/1", "uniform-ssim/1")
    found = explain(
        tokenizer(),
        Photographs(),
        48,
        device="cpu",
        weights=weights,
        variants={name: VARIANTS[name] for name in names},
    )
    assert list(found) == [PROTOCOL, *names]
    default = found[PROTOCOL].metrics
    assert found["uniform-ssim/1"].metrics["lpips"] == default["lpips"]
    assert found["uniform-ssim/1"].metrics["rfid"] == default["rfid"]
    assert [pictures.dtype for pictures in seen["vgg"]].count(torch.uint8) == 2  # nearest, truncated
    assert len(seen["vgg"]) == 4  # and float, under two crops
    assert len(seen["alex"]) == 1
    rfid = {name: found[name].metrics["rfid"] for name in (PROTOCOL, *names[:-1])}
    assert len(set(rfid.values())) == len(names) - 1  # alex-lpips has the protocol's
    assert rfid["alex-lpips/1"] == rfid[PROTOCOL]
    assert all(value > 0 for value in rfid.values())


def test_a_diverged_tokenizer_and_bad_input_are_refused():
    class Diverged(BlockMean):
        def reconstruct(self, quantized):
            return super().reconstruct(quantized) * torch.inf

    given = {"device": "cpu", "weights": MetricWeights()}
    with pytest.raises(ValueError, match="diverged"):
        explain(Diverged(8).eval(), Photographs(), 48, **given)
    with pytest.raises(ValueError, match="eval mode"):
        explain(BlockMean(8).train(), Photographs(), 48, **given)
    with pytest.raises(ValueError, match="short side is under 96"):
        explain(tokenizer(), Photographs(), 96, **given)
