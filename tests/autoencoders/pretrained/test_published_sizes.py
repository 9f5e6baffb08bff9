"""Every published model at its own size, without memory: the names and shapes in its file are those that we expect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import VQModel
from published_vqgan import LLAMAGEN, VAR, Network, Shapes, conv

from autoencoders.pretrained import (
    diffusers,
    files,
    find_pretrained,
    llamagen,
    load_pretrained,
    picture_zoo,
    taming,
    taming_zoo,
    var,
)

pytestmark = pytest.mark.slow

MILLION = 1_000_000


def network(
    multipliers: tuple[int, ...], z_channels: int, attention: int = 1, width: int = 128, **options: Any
) -> Network:
    """With attention at so many of the coarsest levels."""
    levels = len(multipliers)
    has = tuple(level >= levels - attention for level in range(levels))
    return Network(tuple(width * multiplier for multiplier in multipliers), has, z_channels, **options)


def vqgan(of: Network, codes: int, dim: int, *, side: int = 1) -> Shapes:
    """With the convolutions around a quantizer of `codes` vectors."""
    around = conv("quant_conv", dim, of.z_channels, side) | conv("post_quant_conv", of.z_channels, dim, side)
    return of.shapes() | around | {"quantize.embedding.weight": (codes, dim)}


def gumbel() -> Shapes:
    shapes = vqgan(network((1, 1, 2, 4), 256), 8192, 256) | conv("quantize.proj", 8192, 256, 1)
    shapes["quantize.embed.weight"] = shapes.pop("quantize.embedding.weight")
    return shapes


def var_shapes() -> Shapes:
    shapes = vqgan(network((1, 1, 2, 2, 4), 32, width=160, naming=VAR), 4096, 32, side=3)
    for phi in range(4):
        shapes |= conv(f"quantize.quant_resi.qresi_ls.{phi}", 32, 32, 3)
    return shapes | {"quantize.ema_vocab_hit_SV": (10, 4096)}


def llamagen_shapes(multipliers: tuple[int, ...]) -> Shapes:
    return vqgan(network(multipliers, 256, naming=LLAMAGEN), 16384, 8) | {"quantize.codebook_used": (65536,)}


F16 = network((1, 1, 2, 2, 4), 256)
F4 = (1, 2, 4)

SHAPES: dict[str, Callable[[], Shapes]] = {
    "taming-imagenet-f16-1024": lambda: vqgan(F16, 1024, 256),
    "taming-imagenet-f16-16384": lambda: vqgan(F16, 16384, 256),
    "taming-openimages-f8-gumbel-8192": gumbel,
    "taming-faceshq-f16-1024": lambda: vqgan(F16, 1024, 256),
    "taming-coco-f16-8192": lambda: vqgan(F16, 8192, 256),
    "taming-coco-openimages-f16-8192": lambda: vqgan(F16, 8192, 256),
    "ldm-openimages-f4-8192": lambda: vqgan(network(F4, 3, attention=0), 8192, 3),
    "ldm-openimages-f4-8192-noattn": lambda: vqgan(network(F4, 3, attention=0, middle_attention=False), 8192, 3),
    "ldm-openimages-f8-16384": lambda: vqgan(network((1, 2, 2, 4), 4), 16384, 4),
    "ldm-openimages-f8-256": lambda: vqgan(network((1, 2, 2, 4), 4), 256, 4),
    "ldm-openimages-f16-16384": lambda: vqgan(network((1, 1, 2, 2, 4), 8), 16384, 8),
    "llamagen-imagenet-f16-16384": lambda: llamagen_shapes((1, 1, 2, 2, 4)),
    "llamagen-imagenet-f8-16384": lambda: llamagen_shapes((1, 2, 2, 4)),
    "llamagen-t2i-f16-16384": lambda: llamagen_shapes((1, 1, 2, 2, 4)),
    "var-256-f16-4096": var_shapes,
    "var-512-f16-4096": var_shapes,
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[Shapes], None]:
    """Has every file hold tensors of these shapes, all on the meta device, so that none is copied either."""

    def set_shapes(shapes: Shapes) -> None:
        tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        for module in (diffusers, llamagen, taming, var):
            monkeypatch.setattr(module, "read_tensors", lambda *_: dict(tensors))

    monkeypatch.setattr(files, "fill", lambda *_: None)
    return set_shapes


def expected_names(name: str, shapes: Shapes, read: Callable[[Shapes], None], path: Path) -> int:
    """The model is made of these tensors and of none less; how many elements it has."""
    read(shapes)
    with torch.device("meta"):
        model = load_pretrained(name, path)
    assert set(model.strides) == {find_pretrained(name).signals.stride}
    # no shape tells how many groups a norm has
    assert all(module.num_groups == 32 for module in model.modules() if isinstance(module, torch.nn.GroupNorm))
    first = next(iter(shapes))
    read({of: shape for of, shape in shapes.items() if of != first})
    with pytest.raises(files.WeightsError, match="missing"), torch.device("meta"):
        load_pretrained(name, path)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", SHAPES)
def test_names_and_shapes_are_the_authors(name: str, read: Callable[[Shapes], None], tmp_path: Path) -> None:
    shapes = SHAPES[name]()
    counted = expected_names(name, shapes, read, tmp_path / "file")
    unused = {"quantize.ema_vocab_hit_SV", "quantize.codebook_used"}
    sizes = {of: torch.Size(shape).numel() for of, shape in shapes.items() if of not in unused}
    assert counted == sum(sizes.values())


LDM = {"block_out_channels": [128, 256, 512], "latent_channels": 3}
AMUSED = {
    "block_out_channels": [128, 256, 256, 512, 768],
    "latent_channels": 64,
    "mid_block_add_attention": False,
    "lookup_from_codebook": True,
    "force_upcast": True,
}

DIFFUSERS: dict[str, dict[str, Any]] = {
    "diffusers-ldm-celebahq-f4-8192": LDM,
    "diffusers-ldm-openimages-f4-8192": LDM,
    "amused-256-f16-8192": AMUSED,
    "amused-512-f16-8192": AMUSED,
}


@pytest.mark.parametrize("name", DIFFUSERS)
def test_names_and_shapes_are_those_of_diffusers(name: str, read: Callable[[Shapes], None], tmp_path: Path) -> None:
    levels = len(DIFFUSERS[name]["block_out_channels"])
    with torch.device("meta"):
        theirs = VQModel(
            down_block_types=["DownEncoderBlock2D"] * levels,
            up_block_types=["UpDecoderBlock2D"] * levels,
            layers_per_block=2,
            num_vq_embeddings=8192,
            **DIFFUSERS[name],
        )
    theirs.save_config(tmp_path)
    shapes = {of: tuple(tensor.shape) for of, tensor in theirs.state_dict().items()}
    assert expected_names(name, shapes, read, tmp_path) == sum(of.numel() for of in theirs.parameters())


def test_every_model_of_these_code_bases_is_here() -> None:
    models = (
        *taming_zoo.TAMING,
        *taming_zoo.LATENT_DIFFUSION,
        *taming_zoo.DIFFUSERS,
        *picture_zoo.LLAMAGEN,
        *picture_zoo.VAR,
    )
    assert {model.name for model in models} == SHAPES.keys() | DIFFUSERS.keys()


@pytest.mark.parametrize(
    ("name", "published"), [("llamagen-imagenet-f16-16384", 72), ("llamagen-imagenet-f8-16384", 70)]
)
def test_the_number_of_parameters_is_the_published_one(name: str, published: int) -> None:
    shapes = SHAPES[name]()
    del shapes["quantize.codebook_used"]
    assert round(sum(torch.Size(shape).numel() for shape in shapes.values()) / MILLION) == published
