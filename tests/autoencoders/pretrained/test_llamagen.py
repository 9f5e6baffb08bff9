"""LlamaGen's tokenizers against the authors' network, written down from its source."""

from pathlib import Path

import pytest
import torch
from einops import rearrange
from published_vqgan import LLAMAGEN, Network, conv, convolve, double, random_tensors
from safetensors.torch import save_file
from torch import Tensor

from autoencoders import VQGANConfig
from autoencoders.pretrained import WeightsError, load_llamagen

CONFIG = VQGANConfig(image_size=16, multipliers=(1, 2, 2), attention_resolutions=(4,), z_channels=16)
NETWORK = Network((128, 256, 256), (False, False, True), z_channels=16, naming=LLAMAGEN)


def checkpoint(seed: int = 0) -> dict[str, Tensor]:
    shapes = NETWORK.shapes() | conv("quant_conv", 8, 16, 1) | conv("post_quant_conv", 16, 8, 1)
    tensors = random_tensors(shapes | {"quantize.embedding.weight": (60, 8)}, seed)
    return {**tensors, "quantize.codebook_used": torch.zeros(65536)}


@torch.no_grad()
def test_latents_codes_and_pictures_are_the_authors(tmp_path: Path) -> None:
    stored = checkpoint()
    torch.save({"model": stored, "steps": 7}, tmp_path / "vq.pt")
    ours, tensors = load_llamagen(tmp_path / "vq.pt", CONFIG, codebook_size=60), double(stored)
    assert not ours.training
    ours = ours.double()
    images = torch.rand(2, 3, 16, 24, dtype=torch.float64) * 2 - 1
    latent = convolve(NETWORK.encode(images, tensors), tensors, "quant_conv")
    torch.testing.assert_close(ours.latent(images), latent, rtol=0, atol=1e-10)
    rows = rearrange(latent, "b c h w -> (b h w) c")
    rows = rows / rows.norm(dim=1, keepdim=True)
    table = tensors["quantize.embedding.weight"]
    table = table / table.norm(dim=1, keepdim=True)
    codes = (rows.square().sum(1, keepdim=True) + table.square().sum(1) - 2 * rows @ table.T).argmin(1)
    (output,) = ours.quantize(images)
    assert torch.equal(output.codes.flatten(), codes)
    assert codes.unique().numel() > 5
    quantized = rearrange(table[codes], "(b h w) c -> b c h w", b=2, h=4)
    torch.testing.assert_close(output.quantized, quantized, rtol=0, atol=1e-10)
    pictures = NETWORK.decode(convolve(quantized, tensors, "post_quant_conv"), tensors)
    torch.testing.assert_close(ours.decode([output.codes]), pictures, rtol=0, atol=1e-10)
    assert pictures.std() > 0.1


def test_the_averaged_weights_come_before_the_trained(tmp_path: Path) -> None:
    trained, averaged = checkpoint(0), checkpoint(1)
    discriminator = {"main.0.weight": torch.randn(3)}
    torch.save({"model": trained, "ema": averaged, "discriminator": discriminator}, tmp_path / "both.pt")
    torch.save({"model": trained, "discriminator": discriminator}, tmp_path / "trained.pt")
    save_file(averaged, tmp_path / "alone.safetensors")
    for name, tensors in (("both.pt", averaged), ("trained.pt", trained), ("alone.safetensors", averaged)):
        loaded = load_llamagen(tmp_path / name, CONFIG, codebook_size=60).state_dict()
        assert torch.equal(loaded["encoder.conv_in.weight"], tensors["encoder.conv_in.weight"])
        assert torch.equal(loaded["decoder.up.0.block.1.conv1.bias"], tensors["decoder.conv_blocks.2.res.1.conv1.bias"])


def test_another_models_checkpoint_is_listed_name_by_name(tmp_path: Path) -> None:
    stored = checkpoint()
    del stored["decoder.mid.0.conv1.bias"]
    torch.save({"model": {**stored, "encoder.extra": torch.zeros(1)}}, tmp_path / "vq.pt")
    with pytest.raises(WeightsError, match=r"missing: decoder\.mid\.block_1\.conv1\.bias; unexpected: encoder\.extra"):
        load_llamagen(tmp_path / "vq.pt", CONFIG, codebook_size=60)
    with pytest.raises(WeightsError, match=r"another shape: quantizer.codebook.vectors \(60, 8\) for \(16384, 8\)"):
        load_llamagen(tmp_path / "vq.pt", CONFIG)
