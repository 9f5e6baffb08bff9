"""DALL-E's discrete VAE from its two pickles, compared with the authors' own package (`pip install DALL-E`)."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from autoencoders.pictures.dvae import DVAE
from autoencoders.pictures.sizes import DVAEConfig
from autoencoders.pretrained import WeightsError
from autoencoders.pretrained.dalle import KEPT, load_dalle, our_name
from quantizers import create_quantizer

dall_e = pytest.importorskip("dall_e", reason="the authors' package is not there: pip install DALL-E attrs")

SMALL = DVAEConfig(image_size=32, width=64, blocks=1, z_channels=16)
CODES = 512
"""The fewest that the authors' network takes."""


def authors() -> tuple[nn.Module, nn.Module]:
    """Their networks at a small size, with biases and residual branches that count."""
    torch.manual_seed(0)
    networks = (
        dall_e.Encoder(n_hid=64, n_blk_per_group=1, vocab_size=CODES),
        dall_e.Decoder(n_hid=64, n_blk_per_group=1, vocab_size=CODES, n_init=16),
    )
    for network in networks:
        for name, parameter in network.named_parameters():
            parameter.data *= 4 if "res_path" in name else 1
            if name.endswith(".b"):
                parameter.data.normal_(std=0.1)
    return networks


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Module, nn.Module]:
    return authors()


@pytest.fixture
def folder(networks: tuple[nn.Module, nn.Module], tmp_path: Path) -> Path:
    for name, network in zip(("encoder", "decoder"), networks, strict=True):
        torch.save(network, tmp_path / f"{name}.pkl")
    return tmp_path


@torch.no_grad()
def test_it_is_the_authors_network(networks: tuple[nn.Module, nn.Module], folder: Path) -> None:
    encoder, decoder = networks
    model = load_dalle(folder, SMALL, CODES)
    assert not model.training
    torch.manual_seed(1)
    images = torch.rand(2, 3, 32, 48) * 2 - 1
    logits = encoder(dall_e.map_pixels((images + 1) / 2))
    torch.testing.assert_close(model.latent(images), logits)
    chosen = logits.argmax(1)
    (codes,) = model.encode(images)
    assert torch.equal(codes.squeeze(1), chosen)
    assert chosen.unique().numel() > 5
    statistics = decoder(F.one_hot(chosen, CODES).movedim(-1, 1).float())
    location, log_scale = model.distribution(model.quantizer.decode(codes))
    torch.testing.assert_close(location, statistics[:, :3])
    torch.testing.assert_close(log_scale, statistics[:, 3:])
    pictures = dall_e.unmap_pixels(torch.sigmoid(statistics[:, :3]))
    assert pictures.std() > 0.05
    torch.testing.assert_close((model.decode([codes]).clamp(-1, 1) + 1) / 2, pictures)


def test_the_pickles_are_read_without_their_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "dall_e"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError):
        torch.load(folder / "encoder.pkl", weights_only=False)
    assert isinstance(load_dalle(folder, SMALL, CODES), DVAE)


def test_a_file_of_tensors_by_name_is_the_same_model(
    networks: tuple[nn.Module, nn.Module], folder: Path, tmp_path: Path
) -> None:
    tensors = {
        f"{part}.{name}": tensor.detach()
        for part, network in zip(("encoder", "decoder"), networks, strict=True)
        for name, tensor in network.state_dict().items()
    }
    expected = load_dalle(folder, SMALL, CODES).state_dict()
    save_file(tensors, tmp_path / "dalle.safetensors")
    torch.save(tensors, tmp_path / "dalle.pt")
    for name in ("dalle.safetensors", "dalle.pt"):
        found = load_dalle(tmp_path / name, SMALL, CODES).state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in found)


def test_names_and_shapes_of_the_published_size() -> None:
    device = torch.device("meta")
    networks = {"encoder": dall_e.Encoder(device=device), "decoder": dall_e.Decoder(device=device)}
    with device:
        model = DVAE(DVAEConfig(), create_quantizer("gumbel", bits=13, one_hot=True))
    theirs = {
        our_name(f"{part}.{name}"): tensor.shape
        for part, network in networks.items()
        for name, tensor in network.state_dict().items()
    }
    ours = {name: tensor.shape for name, tensor in model.state_dict().items() if name not in KEPT}
    assert theirs == ours
    assert ours["quant_conv.weight"] == (8192, 2048, 1, 1)
    assert ours["post_quant_conv.weight"] == (128, 8192, 1, 1)
    assert model.config.gain == networks["encoder"].blocks.group_1.block_1.post_gain


class RunsCode:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("place", ["attribute", "module", "whole"])
def test_code_in_a_pickle_is_refused_and_not_run(place: str, folder: Path) -> None:
    mark, (encoder, _) = folder / "ran", authors()
    if place == "attribute":
        encoder.device = RunsCode(mark)
    elif place == "module":
        encoder._modules["blocks"] = RunsCode(mark)
    torch.save(RunsCode(mark) if place == "whole" else encoder, folder / "encoder.pkl")
    with pytest.raises(WeightsError, match=r"encoder\.pkl: holds more than tensors"):
        load_dalle(folder, SMALL, CODES)
    assert not mark.exists()
    torch.load(folder / "encoder.pkl", weights_only=False)
    assert mark.exists()  # it would have


def test_broken_modules_that_contain_themselves_or_nothing_end_in_a_sentence(folder: Path) -> None:
    encoder, _ = authors()
    encoder.blocks._modules["again"] = encoder
    torch.save(encoder, folder / "encoder.pkl")
    assert isinstance(load_dalle(folder, SMALL, CODES), DVAE)  # the second time adds nothing
    chain: nn.Module = nn.Sequential()
    for _ in range(40):  # 2^40 of them, were each taken as often as it is named
        chain = nn.Sequential(chain, chain)
    for broken in (nn.Sequential(), chain):
        torch.save(broken, folder / "encoder.pkl")
        with pytest.raises(WeightsError, match="missing: "):
            load_dalle(folder, SMALL, CODES)
    encoder, _ = authors()
    encoder.__dict__["_modules"] = ["no dictionary"]
    torch.save(encoder, folder / "encoder.pkl")
    with pytest.raises(WeightsError, match="missing: "):
        load_dalle(folder, SMALL, CODES)


def test_what_cannot_be_the_model_is_refused_in_a_sentence(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"encoder\.pkl: is the encoder or the decoder alone; name the folder"):
        load_dalle(folder / "encoder.pkl", SMALL, CODES)
    with pytest.raises(WeightsError, match="of another shape: "):
        load_dalle(folder)
    torch.save(nn.Linear(2, 2), folder / "decoder.pkl")
    with pytest.raises(WeightsError, match=r"decoder\.pkl: holds more than tensors"):
        load_dalle(folder, SMALL, CODES)
    (folder / "decoder.pkl").unlink()
    with pytest.raises(WeightsError, match=r"there is no file .*decoder\.pkl"):
        load_dalle(folder, SMALL, CODES)
