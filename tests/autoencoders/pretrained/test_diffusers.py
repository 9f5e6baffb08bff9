"""diffusers' `VQModel` with random weights, and ours with the same: an independent implementation of the VQGAN."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import VQModel
from safetensors.torch import load_file, save_file

from autoencoders.pretrained import WeightsError, load_diffusers

SIZES: dict[str, dict[str, Any]] = {
    # the shapes of LDM's VQ autoencoders: attention in the middle, at the coarsest level too, or nowhere (aMUSEd)
    "middle": {"block_out_channels": (128, 256), "layers_per_block": 2},
    "coarsest": {
        "block_out_channels": (128, 128, 256),
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
        "layers_per_block": 1,
    },
    "none": {"block_out_channels": (128, 256), "layers_per_block": 1, "mid_block_add_attention": False},
    "narrow codes": {"block_out_channels": (128,), "layers_per_block": 1, "vq_embed_dim": 3},
}


def theirs(name: str) -> VQModel:
    torch.manual_seed(0)
    sizes = SIZES[name]
    levels = len(sizes["block_out_channels"])
    options = {
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": 8,
        "num_vq_embeddings": 50,
        "sample_size": 16,
        **sizes,
    }
    model = VQModel(**options).eval()
    with torch.no_grad():  # zero biases, unit scales and a tiny codebook would hide mistakes
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter) / parameter.shape[-1] ** 0.5)
        model.quantize.embedding.weight.normal_()
    return model


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("safe", [True, False])
@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(name: str, safe: bool, tmp_path: Path) -> None:
    reference = theirs(name)
    reference.save_pretrained(tmp_path, safe_serialization=safe)
    reference, ours = reference.double(), load_diffusers(tmp_path).double()
    images = torch.rand(2, 3, 16, 24, dtype=torch.float64) * 2 - 1
    latent = reference.encode(images).latents
    torch.testing.assert_close(ours.latent(images), latent, rtol=0, atol=1e-10)
    quantized, _, (_, _, codes) = reference.quantize(latent)
    (output,) = ours.quantize(images)
    assert torch.equal(output.codes.flatten(), codes)
    assert output.codes.unique().numel() > 5
    torch.testing.assert_close(output.quantized, quantized, rtol=0, atol=1e-10)
    picture = reference.decode(latent).sample
    torch.testing.assert_close(ours.reconstruct([output.quantized]), picture, rtol=0, atol=1e-10)
    assert picture.std() > 0.01


@torch.no_grad()
def test_the_older_naming_of_attention_is_read(tmp_path: Path) -> None:
    theirs("middle").save_pretrained(tmp_path)
    new = load_diffusers(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(path)
    for name in list(tensors):
        for now, then in older.items():
            if f".{now}." in name:
                tensors[name.replace(f".{now}.", f".{then}.")] = tensors.pop(name)
    assert any(".query." in name for name in tensors)
    save_file(tensors, path)
    images = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_diffusers(tmp_path).latent(images), new.latent(images))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "AutoencoderKL"}, "_class_name is 'AutoencoderKL'"),
        ({"norm_type": "spatial"}, "norm_type is 'spatial'"),
        ({"block_out_channels": [128, 320]}, "no multiple"),
        ({"block_out_channels": None}, "not the configuration of a VQModel"),
        ({"norm_num_groups": 16}, "norms of 16 groups"),
        ({"down_block_types": ["DownEncoderBlock2D", "Resnet"]}, "for 2 levels"),
        ({"down_block_types": ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]}, "mirror image"),
        ({"layers_per_block": 1}, "unexpected: "),
        ({"layers_per_block": 3}, "missing: "),
        ({"latent_channels": 4}, r"of another shape: .*\(8"),
    ],
)
def test_what_is_another_network_is_said(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    theirs("middle").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(WeightsError, match=message):
        load_diffusers(tmp_path)


def test_folders_that_lack_something(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"config\.json: not a readable configuration"):
        load_diffusers(tmp_path)
    theirs("middle").save_pretrained(tmp_path)
    (tmp_path / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="there is no file"):
        load_diffusers(tmp_path)
