"""RQ-VAEs by the names of rq-vae-transformer, and the network and bottleneck of its source (rqvae/models/rqvae)."""

from pathlib import Path

import pytest
import torch
from authors_networks import Shapes, Taming, Tensors, codes_near, load_published, nearest, random_tensors, save, vectors
from torch import Tensor

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pretrained import WeightsError, picture_zoo, rq_vae
from autoencoders.pretrained.model import Pictures, Pretrained
from autoencoders.pretrained.rq_vae import load_rq_vae

NETWORK = Taming(width=128, multipliers=(1, 1, 2), blocks=1, attention=(1,), z_channels=16, dim=16)
CONFIG = VQGANConfig(
    image_size=16, width=128, multipliers=(1, 1, 2), blocks=1, attention_resolutions=(8,), z_channels=16
)
CODES, DEPTHS = 60, 4
COUNTS = torch.arange(200.0, 200 + CODES)


def codebook_shapes(codes: int, dim: int) -> Shapes:
    """Every depth has the shared codebook among its modules; a row for padding stands at the end of the table."""
    shapes: Shapes = {}
    for depth in range(DEPTHS):
        name = f"quantizer.codebooks.{depth}"
        shapes |= {f"{name}.weight": (codes + 1, dim), f"{name}.cluster_size_ema": (codes,)}
        shapes |= {f"{name}.embed_ema": (codes, dim)}
    return shapes


def with_codebook(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
    """Give all depths one codebook, for latents and what is left of them; its padding would be the nearest of all."""
    latents = NETWORK.encode(tensors, images)
    codebook = (codes_near(latents, CODES) * torch.linspace(0, 1, CODES).unsqueeze(1)).float().double()
    padding = latents.mean((0, 2, 3)).float().double()
    for depth in range(DEPTHS):
        name = f"quantizer.codebooks.{depth}"
        tensors[f"{name}.weight"] = torch.cat([codebook, padding.unsqueeze(0)])
        tensors[f"{name}.cluster_size_ema"] = COUNTS
        tensors[f"{name}.embed_ema"] = codebook * COUNTS.unsqueeze(1)
    return codebook


def residual_codes(latents: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (B, depth, H, W), each the nearest to what those before have left, and the sum of their vectors."""
    residual, quantized, codes = latents.clone(), torch.zeros_like(latents), []
    for _ in range(DEPTHS):
        codes.append(nearest(residual, codebook))
        quantized += vectors(codes[-1], codebook)
        residual -= vectors(codes[-1], codebook)
    return torch.stack(codes, 1), quantized


def checkpoint(folder: Path, change: Tensors | None = None) -> Path:
    torch.manual_seed(0)
    tensors = random_tensors(NETWORK.shapes())
    with_codebook(tensors, torch.rand(1, 3, 16, 16, dtype=torch.float64))
    return save({**tensors, **(change or {})}, folder / "model.pt")


@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = random_tensors(NETWORK.shapes())
    images = 2 * torch.rand(2, 3, 16, 24, dtype=torch.float64) - 1
    codebook = with_codebook(tensors, images)
    latents = NETWORK.encode(tensors, images)
    codes, quantized = residual_codes(latents, codebook)
    reconstruction = NETWORK.decode(tensors, quantized)

    path = tmp_path / "model.pt"
    stored = {name: tensor.float() for name, tensor in tensors.items()}
    torch.save({"epoch": 9, "state_dict": stored, "discriminator": {"main.0.weight": torch.ones(3)}}, path)
    model = load_rq_vae(path, CONFIG, CODES)
    assert not model.training
    model = model.double()
    torch.testing.assert_close(model.latent(images), latents, rtol=0, atol=1e-10)
    (output,) = model.quantize(images)
    assert torch.equal(output.codes, codes)
    assert all(codes[:, depth].unique().numel() > 5 for depth in range(DEPTHS))
    torch.testing.assert_close(model.decode([output.codes]), reconstruction, rtol=0, atol=1e-10)
    assert reconstruction.std() > 0.1


@torch.no_grad()
def test_its_moving_averages_go_on_in_training(tmp_path: Path) -> None:
    model = load_rq_vae(checkpoint(tmp_path), CONFIG, CODES)
    codebook = model.quantizer.layers[0].codebook
    assert torch.equal(codebook.counts, COUNTS)
    vectors_before = codebook.vectors.clone()
    model.train().quantize(torch.rand(1, 3, 16, 16))  # at 64 latents, each code has few of hundreds
    torch.testing.assert_close(codebook.vectors, vectors_before, rtol=0, atol=0.1)
    assert not torch.equal(codebook.vectors, vectors_before)


@pytest.mark.parametrize("published", picture_zoo.RQ_VAE, ids=lambda published: published.name)
def test_the_published_models_have_these_names_and_shapes(
    published: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffhq = "ffhq" in published.name
    codes = 2048 if ffhq else 16384
    network = Taming(
        width=128,
        multipliers=(1, 1, 2, 2, 4, 4),
        blocks=2,
        attention=(4,) if ffhq else (5,),  # sides of 16 or 8 of 256
        z_channels=256,
        dim=256,
    )
    model = load_published(published, rq_vae, network.shapes() | codebook_shapes(codes, 256), monkeypatch)
    assert (published.signals, model.strides) == (Pictures(256, 32), (32, 32))
    assert published.codes == f"{codes}, 4 for a position"
    assert (model.quantizer.codes_per_position, model.quantizer.codebook_size) == (4, codes)


def test_another_models_file_is_said_to_be_wrong(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"of another shape: .*codebook\.vectors \(60, 16\) for \(61, 16\)"):
        load_rq_vae(checkpoint(tmp_path), CONFIG, CODES + 1)
    with pytest.raises(WeightsError, match="codebooks of 4 depths, where 3 from 0 are expected"):
        load_rq_vae(checkpoint(tmp_path), CONFIG, CODES, codes_per_position=3)
    with pytest.raises(WeightsError, match=r"codebooks\.2\.weight differs from another depth's"):
        load_rq_vae(checkpoint(tmp_path, {"quantizer.codebooks.2.weight": torch.ones(CODES + 1, 16)}), CONFIG, CODES)
    with pytest.raises(WeightsError, match=r"weight differs"):
        load_rq_vae(checkpoint(tmp_path, {"quantizer.codebooks.0.weight": torch.tensor(1.0)}), CONFIG, CODES)
    with pytest.raises(WeightsError, match=r"unexpected: encoder\.extra$"):
        load_rq_vae(checkpoint(tmp_path, {"encoder.extra": torch.ones(1)}), CONFIG, CODES)
