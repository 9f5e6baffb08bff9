from pathlib import Path

import lpips
import pytest
import torch
import torchvision
from torch import nn
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from autoencoders.pictures.perceptual import (
    LPIPS_BACKBONES,
    MS_SSIM_WEIGHTS,
    LPIPSLoss,
    MSSSIMLoss,
    build_lpips,
    choose_perceptual,
    find_lpips_backbone,
    load_lpips,
    make_perceptual,
    ms_ssim_scales,
)


def pictures(side: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(3, 3, side, side, generator=generator) * 2 - 1
    return (images + 0.3 * torch.randn(images.shape, generator=generator)).requires_grad_(), images


@pytest.fixture(scope="module", params=["alex", "vgg"])
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Random weights in the layout of torchvision's file, with one of the classifier's keys beside them."""
    net, weights = request.param, {"classifier.6.bias": torch.zeros(1000)}
    torch.manual_seed(0)
    for name, parameter in build_lpips(net).net.named_parameters():
        weights[f"features.{name.split('.', 1)[1]}"] = 0.05 * torch.randn(parameter.shape)
    path = tmp_path_factory.mktemp("weights") / "backbone.pth"
    torch.save(weights, path)
    return net, path


def test_layout_of_the_backbone_is_torchvisions(backbone: tuple[str, Path]) -> None:
    net, path = backbone
    with torch.device("meta"):
        model = {"alex": torchvision.models.alexnet, "vgg": torchvision.models.vgg16}[net](weights=None)
    expected = {name: value.shape for name, value in model.state_dict().items() if name.startswith("features")}
    saved = torch.load(path, weights_only=True)
    assert {name: value.shape for name, value in saved.items() if name.startswith("features")} == expected


@pytest.mark.filterwarnings("ignore:.*weight:UserWarning")
@pytest.mark.parametrize("backbone", ["alex"], indirect=True)  # the package's vgg first fills a 500 MB classifier
def test_lpips_equals_the_package(backbone: tuple[str, Path]) -> None:
    net, path = backbone
    theirs = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    features = [value for name, value in torch.load(path, weights_only=True).items() if "features" in name]
    for parameter, value in zip(theirs.net.parameters(), features, strict=True):
        parameter.data.copy_(value)
    ours, (reconstruction, images) = load_lpips(path, net), pictures(64)
    distance = ours(reconstruction, images)
    assert distance.shape == (3, 1, 1, 1)
    assert distance.min() > 0
    torch.testing.assert_close(distance, theirs(reconstruction, images))
    torch.testing.assert_close(LPIPSLoss(ours)(reconstruction, images), distance.mean())


def test_lpips_loss_trains_the_picture_only(backbone: tuple[str, Path]) -> None:
    net, path = backbone
    loss, (reconstruction, images) = LPIPSLoss(load_lpips(path, net)), pictures(32)
    expected = loss.model(reconstruction, images).mean()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(reconstruction.bfloat16(), images.bfloat16())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected, rtol=0.02, atol=0)  # the rounding of the pictures alone
    value.backward()
    assert reconstruction.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in loss.model.parameters())
    assert not loss.model.training
    assert loss.state_dict() == {}
    assert not list(loss.parameters())
    loss.load_state_dict({})
    assert next(loss.to(torch.float64).model.parameters()).dtype == torch.float64  # follows, off the tree


def test_dead_features_give_no_nan() -> None:
    """All channels zero at a position: the package's square root has an infinite slope there."""
    model = build_lpips("alex").to_empty(device="cpu")
    for parameter in model.net.parameters():
        nn.init.constant_(parameter, -1.0)  # every feature dies in the first ReLU
    loss = LPIPSLoss(model)
    model.scaling_layer.shift.zero_()
    model.scaling_layer.scale.fill_(1.0)
    reconstruction = torch.ones(1, 3, 64, 64, requires_grad=True)
    loss(reconstruction, torch.zeros(1, 3, 64, 64)).backward()
    assert torch.equal(reconstruction.grad, torch.zeros_like(reconstruction))


def test_broken_backbones_are_refused(backbone: tuple[str, Path], tmp_path: Path) -> None:
    net, path = backbone
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match="is no readable torch file"):
        load_lpips(truncated, net)
    other = "vgg" if net == "alex" else "alex"
    with pytest.raises(ValueError, match=r"is not torchvision's .*features\.\d+\.weight must have the shape"):
        load_lpips(path, other)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="got nothing"):
        load_lpips(tmp_path / "list.pth", net)
    with pytest.raises(ValueError, match="is no file"):
        load_lpips(tmp_path / "missing.pth", net)


def test_backbone_is_found_in_the_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_lpips_backbone("vgg") is None
    with pytest.raises(ValueError, match=r"needs the backbone weights vgg16-397923af\.pth"):
        load_lpips(None, "vgg")
    assert choose_perceptual("auto").kind == "ms-ssim"
    assert "vgg16-397923af.pth is not in the torch hub cache" in choose_perceptual("auto").reason
    with pytest.raises(ValueError, match="cannot be LPIPS"):
        choose_perceptual("lpips")
    cached = tmp_path / "checkpoints" / LPIPS_BACKBONES["vgg"]
    cached.parent.mkdir()
    cached.touch()
    assert find_lpips_backbone("vgg") == cached
    assert find_lpips_backbone("alex") is None
    assert choose_perceptual("auto")[::2] == ("lpips", cached)
    assert choose_perceptual("none").kind == "none"
    assert make_perceptual(choose_perceptual("none")) is None
    assert choose_perceptual("ms-ssim").kind == "ms-ssim"


@pytest.mark.parametrize(
    ("side", "scales"),
    [(11, 1), (12, 2), (32, 2), (43, 2), (44, 3), (64, 3), (98, 3), (99, 4), (128, 4), (175, 4), (176, 5), (512, 5)],
)
def test_number_of_scales(side: int, scales: int) -> None:
    assert ms_ssim_scales(side) == scales


@pytest.mark.parametrize("side", [12, 32, 44, 64, 176])
def test_ms_ssim_loss_equals_torchmetrics(side: int) -> None:
    reconstruction, images = pictures(side)
    weights = MS_SSIM_WEIGHTS[: ms_ssim_scales(side)]
    expected = multiscale_structural_similarity_index_measure(
        (reconstruction + 1) / 2,
        (images + 1) / 2,
        data_range=1.0,
        betas=tuple(weight / sum(weights) for weight in weights),
        normalize="relu",
    )
    torch.testing.assert_close(MSSSIMLoss()(reconstruction, images), 1 - expected)


def test_smallest_pictures_have_plain_ssim() -> None:
    reconstruction, images = pictures(11)
    expected = structural_similarity_index_measure((reconstruction + 1) / 2, (images + 1) / 2, data_range=1.0)
    torch.testing.assert_close(MSSSIMLoss()(reconstruction, images), 1 - expected)
    with pytest.raises(ValueError, match="at least its window's 11 pixels, got 10"):
        MSSSIMLoss()(*pictures(10))


def test_ms_ssim_of_opposite_and_equal_pictures() -> None:
    _, images = pictures(32)
    opposite = (-images).requires_grad_()
    loss = MSSSIMLoss()(opposite, images)
    loss.backward()
    assert loss == 1
    assert opposite.grad.isfinite().all()
    assert MSSSIMLoss()(images, images).abs() < 1e-5


def test_ms_ssim_under_autocast_is_in_fp32() -> None:
    reconstruction, images = pictures(32)
    with torch.autocast("cpu", torch.bfloat16):
        value = MSSSIMLoss()(reconstruction, images)
    assert value.dtype == torch.float32
    assert torch.equal(value, MSSSIMLoss()(reconstruction, images))
