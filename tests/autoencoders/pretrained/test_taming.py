"""Checkpoints by the names of taming-transformers.

There is no package of it to compare with; `test_diffusers.py` compares the same network, through the same names. Here
its quantizers are written down from its source (taming/modules/vqvae/quantize.py).
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from einops import rearrange
from safetensors.torch import save_file
from torch import Tensor

from autoencoders import VQGAN, VQGANConfig
from autoencoders.pretrained import WeightsError, load_taming
from quantizers import create_quantizer

CONFIG = VQGANConfig(image_size=16, width=32, multipliers=(1, 2), blocks=1, attention_resolutions=(8,), z_channels=16)


def checkpoint(quantizer: str) -> tuple[VQGAN, dict[str, Tensor]]:
    """A model of ours, and its tensors as taming-transformers would store them."""
    torch.manual_seed(0)
    model = VQGAN(CONFIG, create_quantizer(quantizer, codebook_size=40, dim=12)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    tensors = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("quantizer.")}
    if quantizer == "vq":
        tensors["quantize.embedding.weight"] = torch.randn(40, 12)
    else:
        tensors["quantize.proj.weight"] = torch.randn(40, 12, 1, 1)
        tensors["quantize.proj.bias"] = torch.randn(40)
        tensors["quantize.embed.weight"] = torch.randn(40, 12)
    return model, {**tensors, "loss.discriminator.main.0.weight": torch.randn(3), "loss.logvar": torch.zeros(())}


def nearest(latent: Tensor, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """`VectorQuantizer2`: the smallest |z|^2 + |e|^2 - 2 z.e."""
    rows, codes = rearrange(latent, "b c h w -> (b h w) c"), tensors["quantize.embedding.weight"]
    distance = rows.square().sum(1, keepdim=True) + codes.square().sum(1) - 2 * rows @ codes.T
    chosen = distance.argmin(1)
    return chosen, codes[chosen]


def likeliest(latent: Tensor, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """`GumbelQuantize`, evaluated: the largest logit of a 1 x 1 convolution, and its vector."""
    logits = torch.nn.functional.conv2d(latent, tensors["quantize.proj.weight"], tensors["quantize.proj.bias"])
    chosen = rearrange(logits, "b k h w -> (b h w) k").argmax(1)
    return chosen, tensors["quantize.embed.weight"][chosen]


@pytest.mark.parametrize(("quantizer", "reference"), [("vq", nearest), ("gumbel", likeliest)])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@torch.no_grad()
def test_a_checkpoint_is_the_model_that_it_was_made_of(
    quantizer: str, reference: Callable[[Tensor, dict[str, Tensor]], tuple[Tensor, Tensor]], suffix: str, tmp_path: Path
) -> None:
    model, tensors = checkpoint(quantizer)
    path = tmp_path / f"last{suffix}"
    if suffix == ".ckpt":
        torch.save({"state_dict": tensors, "epoch": 3, "lr_schedulers": []}, path)
    else:
        save_file(tensors, path)
    loaded = load_taming(path, CONFIG)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    latent = model.latent(images)
    assert torch.equal(loaded.latent(images), latent)
    codes, vectors = reference(latent, tensors)
    (output,) = loaded.quantize(images)
    assert torch.equal(output.codes.flatten(), codes)
    assert output.codes.unique().numel() > 5
    assert torch.equal(rearrange(output.quantized, "b c h w -> (b h w) c"), vectors)
    assert torch.equal(loaded.reconstruct([output.quantized]), model.reconstruct([output.quantized]))
    assert not loaded.training


def test_another_models_checkpoint_is_listed_name_by_name(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    _, tensors = checkpoint("vq")
    wrong = {**tensors, "encoder.extra": torch.zeros(1), "decoder.conv_out.bias": torch.zeros(5)}
    del wrong["encoder.conv_in.weight"]
    save_file(wrong, path)
    with pytest.raises(WeightsError) as error:
        load_taming(path, CONFIG)
    message = str(error.value)
    assert "missing: encoder.conv_in.weight;" in message
    assert "unexpected: encoder.extra;" in message
    assert "of another shape: decoder.conv_out.bias (5,) for (3,)" in message
    save_file({"encoder.conv_in.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="no codebook in it"):
        load_taming(path, CONFIG)
