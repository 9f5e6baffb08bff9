"""Signals of any extent: padded, in tiles, and cut back, on every backbone."""

import pytest
import torch
from small_backbones import SMALL
from torch import Tensor
from torch.nn import functional as F

from autoencoders import VQGANConfig, VQVAEConfig, code_maps_of, create_tokenizer
from autoencoders.extents import code_shapes, decode_any, encode_any, reconstruct_any
from autoencoders.tiling import decode_tiled, encode_tiled
from autoencoders.tokenizer import Tokenizer
from quantizers import create_quantizer

SIZES = [(1, 1), (7, 45), (32, 32), (33, 64), (70, 41)]


def made(backbone: str, quantizer: str = "fsq") -> Tokenizer:
    torch.manual_seed(0)
    config = SMALL[backbone]
    return create_tokenizer(config, [create_quantizer(quantizer, bits=8) for _ in code_maps_of(config)])


def signal_of(*extent: int) -> Tensor:
    return torch.rand(1, 3, *extent, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("backbone", SMALL)
@pytest.mark.parametrize("extent", SIZES)
@torch.no_grad()
def test_a_signal_goes_on_as_it_ends_and_is_cut_again(backbone: str, extent: tuple[int, int]) -> None:
    tokenizer, signal = made(backbone), signal_of(*extent)
    unit = tokenizer.only_extent or tokenizer.strides
    counts = [-(-length // step) for length, step in zip(extent, unit, strict=True)]
    missing = [count * step - length for count, step, length in zip(counts, unit, extent, strict=True)]
    padded = F.pad(signal, (0, missing[1], 0, missing[0]), mode="replicate")
    codes = encode_any(tokenizer, signal)
    batch, grids = code_shapes(tokenizer, extent)
    assert [(len(found), *found.shape[2:]) for found in codes] == [(batch, *grid) for grid in grids]
    assert tokenizer.training
    tokenizer.eval()
    if tokenizer.only_extent is None:
        expected = tokenizer.encode(padded)
        back = tokenizer.decode(expected)
    else:
        rows = [
            padded[:, :, i * 32 : i * 32 + 32, j * 32 : j * 32 + 32] for i in range(counts[0]) for j in range(counts[1])
        ]
        expected = tokenizer.encode(torch.cat(rows))
        parts = tokenizer.decode(expected).unflatten(0, counts)
        back = torch.cat([torch.cat([*row], -1) for row in parts], -2).unsqueeze(0)
    for found, other in zip(codes, expected, strict=True):
        assert torch.equal(found, other)
    decoded = decode_any(tokenizer, codes, extent)
    assert decoded.shape == signal.shape
    torch.testing.assert_close(decoded, back[..., : extent[0], : extent[1]])


@torch.no_grad()
def test_tiles_with_all_that_a_code_sees_around_them_are_the_whole() -> None:
    torch.manual_seed(0)
    config = VQVAEConfig(32, width=8, residual_width=4, blocks=1)  # convolutions, which see 40 pixels at most
    tokenizer = create_tokenizer(config, [create_quantizer("fsq", bits=8)]).eval().double()
    signal = signal_of(200, 136).double()
    codes = encode_tiled(tokenizer, signal, 64, 40)
    assert torch.equal(codes[0], tokenizer.encode(signal)[0])
    whole = tokenizer.decode(codes)
    for tile, overlap in ((64, 80), (16, 80), (128, 80)):  # half of the overlap is what fades
        torch.testing.assert_close(decode_tiled(tokenizer, codes, (200, 136), tile, overlap), whole)
    assert not torch.allclose(decode_tiled(tokenizer, codes, (200, 136), 64, 0), whole)


@torch.no_grad()
def test_tiles_of_a_network_that_looks_at_everything_fade_into_each_other() -> None:
    """Norms over the whole of a tile make each of them another picture: without overlap the cuts show."""
    torch.manual_seed(0)
    config = VQGANConfig(32, width=16, multipliers=(1, 2), blocks=1, attention_resolutions=(16,), z_channels=8)
    tokenizer = create_tokenizer(config, [create_quantizer("fsq", bits=8)]).eval()
    signal = signal_of(192, 192) * torch.linspace(0, 1, 192) + torch.linspace(-0.5, 0.5, 192)[:, None]
    codes = encode_tiled(tokenizer, signal, 48, 16)

    whole = tokenizer.decode(codes)

    def at_cuts_over_elsewhere(overlap: int) -> float:
        """Squared error, beside the signal decoded as a whole, of the columns next to a cut over that of the others."""
        tiled = decode_tiled(tokenizer, codes, (192, 192), 48, overlap)
        errors = (tiled - whole).square().mean((0, 1, 2))
        near = torch.tensor([min(abs(place + 0.5 - cut) for cut in (48, 96, 144)) < 2 for place in range(192)])
        return float(errors[near].mean() / errors[~near].mean())

    assert at_cuts_over_elsewhere(16) <= 1.05 < at_cuts_over_elsewhere(0)


@torch.no_grad()
def test_a_large_signal_is_taken_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, signal = made("vqvae").eval(), signal_of(130, 90)
    whole = encode_any(tokenizer, signal)
    seen: list[tuple[int, ...]] = []
    encode = type(tokenizer).encode
    monkeypatch.setattr(type(tokenizer), "encode", lambda self, x: (seen.append(tuple(x.shape)), encode(self, x))[1])
    monkeypatch.setattr("autoencoders.extents.LARGEST_WHOLE", 2000)
    monkeypatch.setattr("autoencoders.extents.TILE", 30)
    monkeypatch.setattr("autoencoders.extents.OVERLAP", 33)
    tiled = encode_any(tokenizer, signal)
    assert max(shape[2] * shape[3] for shape in seen) <= 112 * 112
    assert len(seen) == 15
    assert torch.equal(tiled[0], whole[0])
    assert decode_any(tokenizer, tiled, (130, 90)).shape == signal.shape


@torch.no_grad()
def test_signals_of_any_extent_go_through_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, signals = made("vqvae").eval(), torch.cat([signal_of(64, 96), -signal_of(64, 96)])
    back, codes = reconstruct_any(tokenizer, signals)
    output = tokenizer(signals)
    assert torch.equal(back, output.reconstruction)
    assert torch.equal(codes[0], output.codes[0])
    cut, _ = reconstruct_any(tokenizer, signals[..., :90])
    for one, alone in zip(cut, signals[..., :90], strict=True):
        expected = decode_any(tokenizer, encode_any(tokenizer, alone[None]), (64, 90))[0]
        torch.testing.assert_close(one, expected)
    for name, size in (("LARGEST_WHOLE", 2000), ("TILE", 32), ("OVERLAP", 64)):
        monkeypatch.setattr(f"autoencoders.extents.{name}", size)
    tiled, its_codes = reconstruct_any(tokenizer, signals)
    torch.testing.assert_close(tiled, back)
    assert torch.equal(its_codes[0], codes[0])
    with pytest.raises(ValueError, match="32 × 32"):
        reconstruct_any(made("1d").eval(), signals)


@torch.no_grad()
def test_codes_of_the_whole_signal_have_no_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoencoders.extents.LARGEST_WHOLE", 100)
    tokenizer = made("vqvae", "multi-scale")
    assert encode_any(tokenizer, signal_of(70, 41))[0].shape[2:] == code_shapes(tokenizer, (70, 41))[1][0]
    for refused in (tokenizer, made("1d")):
        with pytest.raises(ValueError, match="encode the whole signal"):
            encode_tiled(refused, signal_of(64, 64), 32, 0)


@pytest.mark.parametrize(("tile", "overlap", "name"), [(0, 8, "tile"), (33, 8, "tile"), (32, 3, "overlap")])
def test_tiles_off_the_grid_are_refused(tile: int, overlap: int, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        encode_tiled(made("vqvae"), signal_of(64, 64), tile, overlap)
