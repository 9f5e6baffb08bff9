"""MaskGIT's VQGAN by the names of 1d-tokenizer, and the network of its source (modeling/modules/maskgit_vqgan.py)."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from authors_networks import (
    Shapes,
    Tensors,
    block_shapes,
    branch,
    codes_near,
    conv,
    conv_shapes,
    doubled,
    load_published,
    nearest,
    norm_shapes,
    random_tensors,
    save,
    swish_norm,
    vectors,
)
from torch import Tensor

from autoencoders.pretrained import WeightsError, maskgit, picture_zoo
from autoencoders.pretrained.maskgit import load_maskgit
from autoencoders.pretrained.model import Pictures
from quantizers import create_quantizer

BLOCKS = 2


def resnet_shapes(name: str, before: int, after: int) -> Shapes:
    """No biases, and a shortcut between equal widths, where it is there at all."""
    shapes = block_shapes(name, before, after, bias=False)
    shortcut = f"{name}.nin_shortcut.weight"
    return shapes | ({shortcut: (after, after, 1, 1)} if shortcut in shapes else {})


def shapes_of(width: int, multipliers: tuple[int, ...], dim: int, codes: int) -> Shapes:
    widths = [width * multiplier for multiplier in multipliers]
    last, coarsest = len(widths) - 1, widths[-1]
    shapes = conv_shapes("encoder.conv_in", 3, width, bias=False) | conv_shapes("decoder.conv_in", dim, coarsest)
    for level, after in enumerate(widths):
        for index in range(BLOCKS):
            finer, coarser = widths[max(level - 1, 0)], widths[min(level + 1, last)]
            shapes |= resnet_shapes(f"encoder.down.{level}.block.{index}", after if index else finer, after)
            shapes |= resnet_shapes(f"decoder.up.{level}.block.{index}", after if index else coarser, after)
        shapes |= conv_shapes(f"decoder.up.{level}.upsample_conv", after, after) if level else {}
    for index in range(BLOCKS):
        shapes |= resnet_shapes(f"encoder.mid.{index}", coarsest, coarsest)
        shapes |= resnet_shapes(f"decoder.mid.{index}", coarsest, coarsest)
    shapes |= norm_shapes("encoder.norm_out", coarsest) | conv_shapes("encoder.conv_out", coarsest, dim, 1)
    shapes |= norm_shapes("decoder.norm_out", widths[0]) | conv_shapes("decoder.conv_out", widths[0], 3)
    return shapes | {"quantize.embedding.weight": (codes, dim)}


def resnet(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    """The shortcut is taken of what the branch has made, not of its input."""
    made = branch(tensors, name, x)
    shortcut = f"{name}.nin_shortcut"
    return made + (conv(tensors, shortcut, made) if f"{shortcut}.weight" in tensors else x)


def encode(tensors: Tensors, pictures: Tensor, levels: int) -> Tensor:
    h = conv(tensors, "encoder.conv_in", pictures)
    for level in range(levels):
        for index in range(BLOCKS):
            h = resnet(tensors, f"encoder.down.{level}.block.{index}", h)
        if level < levels - 1:
            h = F.avg_pool2d(h, 2)
    for index in range(BLOCKS):
        h = resnet(tensors, f"encoder.mid.{index}", h)
    return conv(tensors, "encoder.conv_out", swish_norm(tensors, "encoder.norm_out", h))


def decode(tensors: Tensors, quantized: Tensor, levels: int) -> Tensor:
    h = conv(tensors, "decoder.conv_in", quantized)
    for index in range(BLOCKS):
        h = resnet(tensors, f"decoder.mid.{index}", h)
    for level in reversed(range(levels)):
        for index in range(BLOCKS):
            h = resnet(tensors, f"decoder.up.{level}.block.{index}", h)
        if level:
            h = conv(tensors, f"decoder.up.{level}.upsample_conv", doubled(h))
    return conv(tensors, "decoder.conv_out", swish_norm(tensors, "decoder.norm_out", h))


@pytest.mark.parametrize("multipliers", [(1, 2), (1, 1, 2)])
@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(multipliers: tuple[int, ...], tmp_path: Path) -> None:
    torch.manual_seed(0)
    levels = len(multipliers)
    tensors = random_tensors(shapes_of(128, multipliers, dim=16, codes=50))
    pictures = torch.rand(2, 3, 16, 24, dtype=torch.float64)  # theirs are in [0, 1]
    latents = encode(tensors, pictures, levels)
    codebook = tensors["quantize.embedding.weight"] = codes_near(latents, 50)
    codes = nearest(latents, codebook)
    reconstruction = decode(tensors, vectors(codes, codebook), levels)

    path = save(tensors, tmp_path / "x.bin")
    model = load_maskgit(path, codebook_size=50, dim=16, multipliers=multipliers)
    assert not model.training
    model, images = model.double(), 2 * pictures - 1
    torch.testing.assert_close(model.latent(images), latents, rtol=0, atol=1e-10)
    (output,) = model.quantize(images)
    assert torch.equal(output.codes, codes.unsqueeze(1))
    assert codes.unique().numel() > 20
    torch.testing.assert_close(model.decode([output.codes]), 2 * reconstruction - 1, rtol=0, atol=1e-10)
    assert reconstruction.std() > 0.1


def test_the_published_model_has_these_names_and_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    (published,) = picture_zoo.MASKGIT
    shapes = shapes_of(128, (1, 1, 2, 2, 4), dim=256, codes=1024)
    model = load_published(published, maskgit, shapes, monkeypatch)
    assert (model.quantizer.dim, model.quantizer.codebook_size) == (256, 1024)
    assert (published.signals, published.codes) == (Pictures(256, model.strides[0]), "1024")
    assert sum(parameter.numel() for parameter in model.parameters()) == 54_515_587


def test_another_models_file_is_said_to_be_wrong(tmp_path: Path) -> None:
    tensors = random_tensors(shapes_of(128, (1, 2), dim=16, codes=50))
    path = save({**tensors, "quant_conv.weight": torch.zeros(1)}, tmp_path / "x.bin")
    with pytest.raises(WeightsError, match=r"unexpected: quant_conv\.weight$"):
        load_maskgit(path, codebook_size=50, dim=16, multipliers=(1, 2))
    path = save(tensors, path)
    with pytest.raises(WeightsError, match=r"of another shape: quantizer\.codebook\.vectors \(50, 16\) for \(60, 16\)"):
        load_maskgit(path, codebook_size=60, dim=16, multipliers=(1, 2))


@pytest.mark.parametrize(("shape", "message"), [((1, 1, 8, 8), "3 channels, got 1"), ((1, 3, 8, 9), "strides 2 × 2")])
def test_bad_pictures_are_refused(shape: tuple[int, ...], message: str) -> None:
    model = maskgit.MaskGITVQGAN(create_quantizer("vq", codebook_size=8, dim=4), 32, (1, 2), 1)
    with pytest.raises(ValueError, match=message):
        model.encode(torch.zeros(shape))
