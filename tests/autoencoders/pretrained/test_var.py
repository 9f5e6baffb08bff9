"""VAR's multi-scale tokenizer against the authors' network and quantizer (models/quant.py), written down from them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from einops import rearrange
from published_vqgan import VAR, Network, conv, convolve, double, random_tensors
from torch import Tensor

from autoencoders import VQGAN, VQGANConfig
from autoencoders.pretrained import WeightsError, load_var, picture_zoo
from quantizers.multi_scale import PAPER_SCALES, MultiScale

CONFIG = VQGANConfig(image_size=32, multipliers=(1, 1), blocks=2, attention_resolutions=(16,), z_channels=16)
NETWORK = Network((128, 128), (False, True), z_channels=16, naming=VAR)


def checkpoint() -> dict[str, Tensor]:
    shapes = NETWORK.shapes() | conv("quant_conv", 16, 16, 3) | conv("post_quant_conv", 16, 16, 3)
    for phi in range(4):
        shapes |= conv(f"quantize.quant_resi.qresi_ls.{phi}", 16, 16, 3)
    tensors = random_tensors(shapes | {"quantize.embedding.weight": (100, 16)})
    return {**tensors, "quantize.ema_vocab_hit_SV": torch.zeros(10, 100)}


def load(scales: tuple[int, ...], folder: Path) -> tuple[VQGAN, dict[str, Tensor]]:
    stored = checkpoint()
    torch.save(stored, folder / "vae.pth")
    loaded = load_var(folder / "vae.pth", CONFIG, scales, codebook_size=100)
    assert not loaded.training
    return loaded.double(), double(stored)


def by_scales(latent: Tensor, tensors: dict[str, Tensor], scales: tuple[int, ...]) -> tuple[list[Tensor], Tensor]:
    """`VectorQuantizer2` of VAR: the codes of each scale, and the sum of what they stand for."""
    table = tensors["quantize.embedding.weight"]
    ticks = np.linspace(1 / 3 / 4, 1 - 1 / 3 / 4, 4)
    rest, total, codes = latent.clone(), torch.zeros_like(latent), []
    for index, side in enumerate(scales):
        last = index == len(scales) - 1
        small = rest if last else F.interpolate(rest, size=(side, side), mode="area")
        rows = rearrange(small, "b c h w -> (b h w) c")
        chosen = (rows.square().sum(1, keepdim=True) + table.square().sum(1) - 2 * rows @ table.T).argmin(1)
        vectors = rearrange(table[chosen], "(b h w) c -> b c h w", b=len(latent), h=side)
        large = vectors if last else F.interpolate(vectors, size=latent.shape[2:], mode="bicubic")
        phi = int(np.argmin(np.abs(ticks - index / (len(scales) - 1))))
        added = 0.5 * large + 0.5 * convolve(large, tensors, f"quantize.quant_resi.qresi_ls.{phi}", padding=1)
        rest, total = rest - added, total + added
        codes.append(rearrange(chosen, "(b h w) -> b h w", b=len(latent), h=side))
    return codes, total


@torch.no_grad()
def test_latents_codes_of_all_scales_and_pictures_are_the_authors(tmp_path: Path) -> None:
    ours, tensors = load(PAPER_SCALES, tmp_path)
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64) * 2 - 1
    latent = convolve(NETWORK.encode(images, tensors), tensors, "quant_conv", padding=1)
    torch.testing.assert_close(ours.latent(images), latent, rtol=0, atol=1e-10)
    codes, total = by_scales(latent, tensors, PAPER_SCALES)
    (output,) = ours.quantize(images)
    assert isinstance(ours.quantizer, MultiScale)
    maps = ours.quantizer.code_maps(output.codes)
    assert [len(of[0]) for of in maps] == list(PAPER_SCALES)
    assert all(torch.equal(found, of) for found, of in zip(maps, codes, strict=True))
    assert torch.cat([of.flatten() for of in codes]).unique().numel() > 50
    torch.testing.assert_close(output.quantized, total, rtol=0, atol=1e-10)
    pictures = NETWORK.decode(convolve(total, tensors, "post_quant_conv", padding=1), tensors)
    torch.testing.assert_close(ours.decode([output.codes]), pictures, rtol=0, atol=1e-10)
    assert pictures.std() > 0.1


@torch.no_grad()
def test_the_scales_of_larger_pictures(tmp_path: Path) -> None:
    ours, tensors = load(picture_zoo.SCALES_512, tmp_path)
    latent = torch.randn(1, 16, 32, 32, dtype=torch.float64)
    codes, total = by_scales(latent, tensors, picture_zoo.SCALES_512)
    output = ours.quantizer(latent)
    assert isinstance(ours.quantizer, MultiScale)
    found = ours.quantizer.code_maps(output.codes)
    assert all(torch.equal(map_, of) for map_, of in zip(found, codes, strict=True))
    torch.testing.assert_close(output.quantized, total, rtol=0, atol=1e-10)


def test_another_models_checkpoint_is_listed_name_by_name(tmp_path: Path) -> None:
    stored = checkpoint()
    del stored["quantize.quant_resi.qresi_ls.3.bias"]
    stored["encoder.mid.attn_1.qkv.bias"] = torch.zeros(5)
    torch.save(stored, tmp_path / "vae.pth")
    with pytest.raises(WeightsError) as error:
        load_var(tmp_path / "vae.pth", CONFIG, codebook_size=100)
    assert "quantizer.phis.3.convolution.bias" in str(error.value)
    assert "unexpected: encoder.mid.attn_1.qkv.bias" in str(error.value)


def test_the_scales_of_the_list_are_the_papers() -> None:
    assert picture_zoo.SCALES_256 == PAPER_SCALES
