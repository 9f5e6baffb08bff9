"""BSQ-ViT by the authors' names, beside its forward pass written down from their source.

Of github.com/zhaoyue-zephyrus/bsq-vit: transcoder/models/{bsqvit,transformer}.py, quantizer/bsq.py.
"""

import argparse
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from autoencoders import ViTConfig, ViTTokenizer
from autoencoders.pretrained import WeightsError
from autoencoders.pretrained.bsq_vit import load_bsq_vit, our_names
from autoencoders.pretrained.picture_zoo import BSQ_VIT
from quantizers import create_quantizer

SMALL = ViTConfig(image_size=16, patch_size=4, width=32, layers=2, heads=4)
BITS = 6


def shapes(config: ViTConfig, bits: int) -> dict[str, tuple[int, ...]]:
    """Their state dict, as `VITBSQModel` makes it of a configuration of these sizes."""
    w, pixels, places = config.width, 3 * config.patch_size**2, (config.image_size // config.patch_size) ** 2
    block = {
        "ln_1.weight": (w,),
        "ln_1.bias": (w,),
        "attn.in_proj_weight": (3 * w, w),
        "attn.in_proj_bias": (3 * w,),
        "attn.out_proj.weight": (w, w),
        "attn.out_proj.bias": (w,),
        "ln_2.weight": (w,),
        "ln_2.bias": (w,),
        "mlp.c_fc.weight": (4 * w, w),
        "mlp.c_fc.bias": (4 * w,),
        "mlp.c_proj.weight": (w, 4 * w),
        "mlp.c_proj.bias": (w,),
    }
    names: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (w, pixels),
        "decoder.ffn.0.weight": (4 * w, w),
        "decoder.ffn.0.bias": (4 * w,),
        "decoder.conv_out.weight": (pixels, 4 * w),
        "decoder.conv_out.bias": (pixels,),
        "quant_embed.weight": (bits, w),
        "quant_embed.bias": (bits,),
        "post_quant_embed.weight": (w, bits),
        "post_quant_embed.bias": (w,),
        "quantize.basis": (bits,),
        "quantize.group_basis": (1,),
    }
    for part in ("encoder", "decoder"):
        names[f"{part}.positional_embedding"] = (places, w)
        for norm in ("ln_pre", "ln_post"):
            names |= {f"{part}.{norm}.weight": (w,), f"{part}.{norm}.bias": (w,)}
        for index in range(config.layers):
            names |= {f"{part}.transformer.resblocks.{index}.{name}": shape for name, shape in block.items()}
    return names


def random_tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    tensors = {}
    for name, shape in shapes(SMALL, BITS).items():
        tensors[name] = torch.randn(shape, dtype=torch.float64) / (3 * shape[-1]) ** 0.5
        if "ln_" in name and name.endswith("weight"):
            tensors[name] += 1
    tensors["encoder.conv1.weight"] *= 5  # so that the codes depend more on the picture than on the place
    return tensors


def their_transformer(x: Tensor, tensors: dict[str, Tensor], part: str) -> Tensor:
    """(tokens, channels) of one picture."""
    t = {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], t[f"{name}.weight"], t[f"{name}.bias"])

    x = norm(x + t["positional_embedding"], "ln_pre")
    for index in range(SMALL.layers):
        b = f"transformer.resblocks.{index}"
        qkv = F.linear(norm(x, f"{b}.ln_1"), t[f"{b}.attn.in_proj_weight"], t[f"{b}.attn.in_proj_bias"])
        heads = []
        size = SMALL.width // SMALL.heads
        for head in range(SMALL.heads):
            q, k, v = (part[:, head * size : (head + 1) * size] for part in qkv.chunk(3, dim=1))
            heads.append((q @ k.T / size**0.5).softmax(1) @ v)
        x = x + F.linear(torch.cat(heads, 1), t[f"{b}.attn.out_proj.weight"], t[f"{b}.attn.out_proj.bias"])
        hidden = F.linear(norm(x, f"{b}.ln_2"), t[f"{b}.mlp.c_fc.weight"], t[f"{b}.mlp.c_fc.bias"])
        x = x + F.linear(F.gelu(hidden), t[f"{b}.mlp.c_proj.weight"], t[f"{b}.mlp.c_proj.bias"])
    return norm(x, "ln_post")


def their_latent(image: Tensor, t: dict[str, Tensor]) -> Tensor:
    """(places, bits) before their quantizer, but for its normalisation."""
    p, side = SMALL.patch_size, SMALL.side
    patches = torch.stack(
        [image[:, p * i : p * i + p, p * j : p * j + p].flatten() for i in range(side) for j in range(side)]
    )
    x = their_transformer(patches @ t["encoder.conv1.weight"].T, t, "encoder")
    return F.linear(x, t["quant_embed.weight"], t["quant_embed.bias"])


def their_picture(quantized: Tensor, t: dict[str, Tensor]) -> Tensor:
    x = their_transformer(F.linear(quantized, t["post_quant_embed.weight"], t["post_quant_embed.bias"]), t, "decoder")
    x = F.linear(x, t["decoder.ffn.0.weight"], t["decoder.ffn.0.bias"]).tanh()
    patches = F.linear(x, t["decoder.conv_out.weight"], t["decoder.conv_out.bias"])
    p, side = SMALL.patch_size, SMALL.side
    rows = [torch.cat([patches[side * i + j].view(3, p, p) for j in range(side)], 2) for i in range(side)]
    return torch.cat(rows, 1)


def checkpoint(tensors: dict[str, Tensor], path: Path) -> None:
    """A checkpoint of theirs without its options: other weights where the averaged ones are to be taken."""
    raw = {f"module.{name}": torch.zeros_like(tensor) for name, tensor in tensors.items()}
    average = {f"module.module.{name}": tensor for name, tensor in tensors.items()}
    torch.save({"iter": 3, "state_dict": raw, "ema_state_dict": average, "scaler": {}}, path)


@pytest.mark.parametrize("suffix", ["averaged.pt", "raw.pt", "x.safetensors"])
@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(suffix: str, tmp_path: Path) -> None:
    tensors, path = random_tensors(), tmp_path / suffix
    if suffix == "averaged.pt":
        checkpoint(tensors, path)
    elif suffix == "raw.pt":
        named = {f"module.{name}": tensor for name, tensor in tensors.items()}
        torch.save({"iter": 3, "state_dict": named, "ema_state_dict": None}, path)
    else:
        save_file(tensors, path)
    model = load_bsq_vit(path, BITS, SMALL).double()
    model.load_state_dict(our_names(tensors, SMALL.side, path))  # all their digits
    assert not model.training
    images = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    latent = torch.stack([their_latent(image, tensors) for image in images])
    signs = torch.where(F.normalize(latent, dim=-1) > 0, 1.0, -1.0).double()
    torch.testing.assert_close(model.latent(images).flatten(2).mT, latent, rtol=0, atol=1e-10)
    (output,) = model.quantize(images)
    numbers = ((signs + 1) / 2 * 2 ** torch.arange(BITS - 1, -1, -1)).sum(-1).long()
    assert numbers.unique().numel() > 20
    backwards = sum((output.codes >> bit & 1) << (BITS - 1 - bit) for bit in range(BITS))
    assert torch.equal(backwards.flatten(1), numbers)
    torch.testing.assert_close(output.quantized.flatten(2).mT, signs / BITS**0.5, rtol=0, atol=1e-7)
    pictures = torch.stack([their_picture(one, tensors) for one in signs / BITS**0.5])
    exact = (signs / BITS**0.5).mT.unflatten(2, (4, 4))
    torch.testing.assert_close(model.reconstruct([exact]), pictures, rtol=0, atol=1e-10)
    torch.testing.assert_close(model(images).reconstruction, pictures, rtol=0, atol=1e-6)
    assert pictures.std() > 0.1


@pytest.mark.parametrize("bits", [18, 36])
def test_published_names_and_shapes(bits: int) -> None:
    """Of configs/tokenizer/imagenet_256x256_bsqvit_*.yaml: 256 pixels in patches of 8, 12 layers of 768 channels."""
    with torch.device("meta"):
        model = ViTTokenizer(ViTConfig(), create_quantizer("bsq", bits=bits))
        model.encoder.head = torch.nn.Identity()
        theirs = {name: torch.empty(shape) for name, shape in shapes(ViTConfig(), bits).items()}
    ours = our_names(theirs, 32, Path("x"))
    assert {name: tensor.shape for name, tensor in ours.items()} == {
        name: tensor.shape for name, tensor in model.state_dict().items()
    }


def test_what_is_another_model_is_said(tmp_path: Path) -> None:
    tensors, path = random_tensors(), tmp_path / "x.safetensors"
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"coder\.positional_embedding has 16 places, and this model 8 × 8"):
        load_bsq_vit(path, BITS, ViTConfig(image_size=32, patch_size=4, width=32, layers=2, heads=4))
    with pytest.raises(WeightsError, match=r"of another shape: post_quant_proj\.weight \(32, 6\) for \(32, 7\)"):
        load_bsq_vit(path, 7, SMALL)
    with pytest.raises(WeightsError, match="unexpected: "):
        load_bsq_vit(path, BITS, ViTConfig(image_size=16, patch_size=4, width=32, layers=1, heads=4))
    torch.save({"state_dict": tensors, "args": argparse.Namespace(seed=0)}, tmp_path / "whole.pt")
    assert load_bsq_vit(tmp_path / "whole.pt", BITS, SMALL).config == SMALL


def test_published_models_are_listed() -> None:
    assert [model.name.rpartition("f8-")[2] for model in BSQ_VIT] == ["18bit", "18bit-exact", "36bit"]
    with pytest.raises(WeightsError, match="there is no file nowhere"):
        BSQ_VIT[0].load(Path("nowhere"))
