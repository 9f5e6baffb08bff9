"""Checkpoints of taming-transformers and latent-diffusion against the authors' network, written down from its source.

The quantizers are those of taming/modules/vqvae/quantize.py; the network is in tests/support/published_vqgan.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from einops import rearrange
from published_vqgan import Network, conv, convolve, double, random_tensors
from safetensors.torch import save_file
from torch import Tensor

from autoencoders import VQGANConfig
from autoencoders.pretrained import WeightsError, load_taming
from autoencoders.pretrained.model import Codebook
from quantizers.gumbel import Gumbel

CONFIG = VQGANConfig(image_size=16, multipliers=(1, 2), blocks=1, attention_resolutions=(8,), z_channels=16)
NETWORK = Network((128, 256), (False, True), z_channels=16, blocks=1)

VQ = {"quantize.embedding.weight": (40, 12)}
GUMBEL = conv("quantize.proj", 40, 12, 1) | {"quantize.embed.weight": (40, 12)}
OF_TRAINING = {"loss.discriminator.main.0.weight": torch.randn(3), "loss.logvar": torch.zeros(())}


def checkpoint(network: Network, quantizer: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    convolutions = conv("quant_conv", 12, network.z_channels, 1) | conv("post_quant_conv", network.z_channels, 12, 1)
    tensors = random_tensors(network.shapes() | convolutions | quantizer)
    return tensors | {name: 0.3 * tensor for name, tensor in tensors.items() if "embed" in name}


def nearest(latent: Tensor, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """`VectorQuantizer2`: the smallest |z|^2 + |e|^2 - 2 z.e."""
    rows, codes = rearrange(latent, "b c h w -> (b h w) c"), tensors["quantize.embedding.weight"]
    distance = rows.square().sum(1, keepdim=True) + codes.square().sum(1) - 2 * rows @ codes.T
    chosen = distance.argmin(1)
    return chosen, codes[chosen]


def likeliest(latent: Tensor, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """`GumbelQuantize` without its noise: the largest logit of a 1 x 1 convolution, and its vector."""
    chosen = rearrange(convolve(latent, tensors, "quantize.proj"), "b k h w -> (b h w) k").argmax(1)
    return chosen, tensors["quantize.embed.weight"][chosen]


def save(tensors: dict[str, Tensor], path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors, "epoch": 3, "lr_schedulers": []}, path)
    return path


@pytest.mark.parametrize(
    ("quantizer", "reference", "suffix", "middle_attention"),
    [(VQ, nearest, ".ckpt", True), (GUMBEL, likeliest, ".safetensors", True), (VQ, nearest, ".safetensors", False)],
    ids=["vq", "gumbel", "no attention in the middle"],
)
@torch.no_grad()
def test_latents_codes_and_pictures_are_the_authors(
    quantizer: dict[str, tuple[int, ...]],
    reference: Callable[[Tensor, dict[str, Tensor]], tuple[Tensor, Tensor]],
    suffix: str,
    middle_attention: bool,
    tmp_path: Path,
) -> None:
    network = Network((128, 256), (False, True), z_channels=16, blocks=1, middle_attention=middle_attention)
    stored = checkpoint(network, quantizer)
    path = save(stored | OF_TRAINING, tmp_path / f"last{suffix}")
    ours, tensors = load_taming(path, CONFIG, middle_attention=middle_attention), double(stored)
    assert not ours.training
    ours = ours.double()
    images = torch.rand(2, 3, 16, 24, dtype=torch.float64) * 2 - 1
    latent = convolve(network.encode(images, tensors), tensors, "quant_conv")
    torch.testing.assert_close(ours.latent(images), latent, rtol=0, atol=1e-10)
    codes, vectors = reference(latent, tensors)
    (output,) = ours.quantize(images)
    assert torch.equal(output.codes.flatten(), codes)
    assert codes.unique().numel() > 5
    quantized = rearrange(vectors, "(b h w) c -> b c h w", b=2, h=8)
    torch.testing.assert_close(output.quantized, quantized, rtol=0, atol=1e-10)
    pictures = network.decode(convolve(quantized, tensors, "post_quant_conv"), tensors)
    torch.testing.assert_close(ours.decode([output.codes])[0], pictures[0], rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.reconstruct([output.quantized]), pictures, rtol=0, atol=1e-10)
    assert pictures.std() > 0.1


@torch.no_grad()
def test_the_tokenizer_in_a_transformers_checkpoint(tmp_path: Path) -> None:
    stored = checkpoint(NETWORK, VQ)
    alone = load_taming(save(stored, tmp_path / "vqgan.ckpt"), CONFIG)
    within = {f"first_stage_model.{name}": tensor for name, tensor in (stored | OF_TRAINING).items()}
    others = {"transformer.tok_emb.weight": torch.randn(4, 4), "cond_stage_model.x": torch.randn(2)}
    ours = load_taming(save(within | others, tmp_path / "net2net.ckpt"), CONFIG)
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in alone.state_dict().items())


def test_a_named_models_quantizer_is_not_taken_for_anothers(tmp_path: Path) -> None:
    vq = save(checkpoint(NETWORK, VQ), tmp_path / "vq.ckpt")
    gumbel = save(checkpoint(NETWORK, GUMBEL), tmp_path / "gumbel.ckpt")
    assert load_taming(vq, CONFIG, Codebook(40, 12)).quantizer.codebook_size == 40
    assert isinstance(load_taming(gumbel, CONFIG, Codebook(40, 12, "gumbel")).quantizer, Gumbel)
    for path, codebook in ((vq, Codebook(41, 12)), (vq, Codebook(40, 12, "gumbel")), (gumbel, Codebook(40, 12))):
        with pytest.raises(WeightsError, match="not the weights of this model"):
            load_taming(path, CONFIG, codebook)


def test_another_models_checkpoint_is_listed_name_by_name(tmp_path: Path) -> None:
    stored = checkpoint(NETWORK, VQ)
    wrong = {**stored, "encoder.extra": torch.zeros(1), "decoder.conv_out.bias": torch.zeros(5)}
    del wrong["encoder.conv_in.weight"]
    path = save(wrong, tmp_path / "last.safetensors")
    with pytest.raises(WeightsError) as error:
        load_taming(path, CONFIG)
    message = str(error.value)
    assert "missing: encoder.conv_in.weight;" in message
    assert "unexpected: encoder.extra;" in message
    assert "of another shape: decoder.conv_out.bias (5,) for (3,)" in message
    save({"encoder.conv_in.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="no codebook in it"):
        load_taming(path, CONFIG)
    save({**stored, "quantizer.codebook.vectors": torch.zeros(40, 12)}, path)
    with pytest.raises(WeightsError, match=r"more than one tensor for quantizer\.codebook\.vectors"):
        load_taming(path, CONFIG)
