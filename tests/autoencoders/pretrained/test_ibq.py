"""IBQ tokenizers by the names of SEED-Voken, and the network and quantizer of its source (src/IBQ).

The network is that of taming-transformers; the quantizer is `IndexPropagationQuantize` (modules/vqvae/quantize.py).
"""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from authors_networks import Taming, codes_near, load_published, nearest, random_tensors, save, vectors, with_averages
from torch import Tensor

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pretrained import WeightsError, ibq, picture_zoo
from autoencoders.pretrained.ibq import load_ibq
from autoencoders.pretrained.model import Pictures, Pretrained

NETWORK = Taming(width=128, multipliers=(1, 2), blocks=1, attention=(1,), z_channels=16, dim=16)
CONFIG = VQGANConfig(image_size=16, width=128, multipliers=(1, 2), blocks=1, attention_resolutions=(8,), z_channels=16)
CODES = 60
TABLE = "quantize.embedding.weight"


def tensors_for(images: Tensor) -> dict[str, Tensor]:
    """A network with a codebook of directions in which its latents lie, of several lengths."""
    tensors = random_tensors(NETWORK.shapes())
    codebook = F.normalize(codes_near(NETWORK.encode(tensors, images), CODES)) * torch.linspace(1, 1.2, CODES)[:, None]
    return {**tensors, TABLE: codebook.float().double()}


@pytest.mark.parametrize("averages", [True, False])
@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(averages: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = 2 * torch.rand(2, 3, 8, 12, dtype=torch.float64) - 1
    tensors = tensors_for(images)
    latents = NETWORK.encode(tensors, images)
    codes = torch.einsum("bdhw,nd->bnhw", latents, tensors[TABLE]).softmax(1).argmax(1)
    assert not torch.equal(codes, nearest(latents, tensors[TABLE]))
    reconstruction = NETWORK.decode(tensors, vectors(codes, tensors[TABLE]))

    path = save(with_averages(tensors) if averages else tensors, tmp_path / "x.ckpt")
    model = load_ibq(path, CODES, CONFIG)
    assert not model.training
    model = model.double()
    torch.testing.assert_close(model.latent(images), latents, rtol=0, atol=1e-10)
    (output,) = model.quantize(images)
    assert torch.equal(output.codes, codes.unsqueeze(1))
    assert codes.unique().numel() > 10
    torch.testing.assert_close(model.decode([output.codes]), reconstruction, rtol=0, atol=1e-10)
    assert reconstruction.std() > 0.1


@pytest.mark.parametrize("published", picture_zoo.IBQ, ids=lambda published: published.name)
def test_the_published_models_have_these_names_and_shapes(
    published: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Taming(width=128, multipliers=(1, 1, 2, 2, 4), blocks=4, attention=(4,), z_channels=256, dim=256)
    codes = int(published.name.rpartition("-")[2])
    model = load_published(published, ibq, {**network.shapes(), TABLE: (codes, 256)}, monkeypatch)
    assert (published.signals, model.strides) == (Pictures(256, 16), (16, 16))
    assert published.codes == str(model.quantizer.codebook_size) == str(codes)


def test_another_models_file_is_said_to_be_wrong(tmp_path: Path) -> None:
    tensors = {**random_tensors(NETWORK.shapes()), TABLE: torch.ones(CODES, 16)}
    path = save(with_averages(tensors), tmp_path / "x.ckpt")
    with pytest.raises(
        WeightsError, match=r"of another shape: quantizer\.codebook\.vectors \(60, 16\) for \(61, 16\)$"
    ):
        load_ibq(path, CODES + 1, CONFIG)
    stored = with_averages(tensors)
    del stored["model_ema.encoderconv_inbias"]
    stored["model_ema.encoderextra"] = torch.ones(1)
    with pytest.raises(WeightsError, match=r"missing: encoder\.conv_in\.bias; unexpected: model_ema\.encoderextra$"):
        load_ibq(save(stored, path), CODES, CONFIG)
