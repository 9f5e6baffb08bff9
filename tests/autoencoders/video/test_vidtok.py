"""VidTok as a backbone: shapes, what sees what, pictures as films of a frame, streams, and the zoo in it.

What it computes is held against diffusers' network in `test_vidtok` of the published ones.
"""

from dataclasses import replace

import pytest
import torch
from random_codecs import randomize
from small_films import films

from autoencoders import VidTok, VidTokConfig, create_tokenizer
from autoencoders.video.sizes import SMALL_64, SMALL_VIDTOK, VIDTOK_488
from autoencoders.video.vidtok import Decoder, Encoder
from quantizers import create_quantizer, list_quantizers

SMALL = VidTokConfig(width=8, multipliers=(1, 1, 2), halving=(0, 1), doubling=(1, 2), blocks=1)
CONFIGS = {
    "small": SMALL,
    "grey": replace(SMALL, in_channels=1),
    "version 1.1": replace(SMALL, version="1.1"),
    "frame by frame in stride": replace(SMALL, halving=(), doubling=()),
    "one level": replace(SMALL, multipliers=(2,), halving=(0,), doubling=(0,)),
}
each = pytest.mark.parametrize("name", CONFIGS)


def made(name: str, quantizer: str = "fsq") -> VidTok:
    """In float64, with random weights also where they start at zero."""
    return randomize(VidTok(CONFIGS[name], create_quantizer(quantizer, bits=8))).double()


def film(model: VidTok, steps: int) -> torch.Tensor:
    """A lead and so many strides of frames, 2 strides wide."""
    time, side, _ = model.strides
    return films(2, 1 + steps * time, 2 * side, model.channels)


@each
@torch.no_grad()
def test_one_position_for_the_first_frame_and_each_stride(name: str) -> None:
    model = made(name)
    signal = film(model, 2)
    (codes,) = model.encode(signal)
    assert codes.shape == (2, 1, 3, 2, 2)
    assert len(codes.unique()) > 3
    assert model(signal).reconstruction.shape == signal.shape
    assert CONFIGS[name].misfit(signal.shape[2:]) is None


@each
@torch.no_grad()
def test_the_first_frame_of_a_film_is_coded_as_a_picture(name: str) -> None:
    model = made(name)
    signal = film(model, 2)
    whole, alone = model(signal), model(signal[:, :, :1])
    assert torch.equal(whole.codes[0][:, :, :1], alone.codes[0])
    torch.testing.assert_close(whole.reconstruction[:, :, :1], alone.reconstruction, rtol=0, atol=1e-10)


def seen(function, x: torch.Tensor, frame: int) -> list[int]:
    """The frames of x that a frame of function(x) depends on."""
    x = x.clone().requires_grad_()
    function(x)[:, :, frame].square().sum().backward()
    return x.grad.abs().sum((0, 1, 3, 4)).nonzero().flatten().tolist()


@each
def test_what_looks_at_a_later_frame_does_not_stream(name: str) -> None:
    """The decoder of version 1.1 alone."""
    model = made(name)
    time = model.strides[0]
    signal = film(model, 3)
    latent = model.latent(signal).detach()
    for position in range(4):
        assert max(seen(model.encoder, signal, position)) == position * time
    ahead = max(seen(model.decoder, latent, time)) > 1
    assert ahead == (CONFIGS[name].version == "1.1") == (model.not_streaming is not None)


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if config.version == "1.0"])
@torch.no_grad()
def test_chunks_give_what_the_whole_gives(name: str) -> None:
    model = made(name)
    signal, time = film(model, 4), model.strides[0]
    expected = model(signal)
    encoder, decoder, codes, parts = model.encoder_state(2), model.decoder_state(2), [], []
    for chunk in signal.split([1, time, 3 * time], 2):
        (found,), encoder = model.encode_chunk(chunk, encoder)
        part, decoder = model.decode_chunk([found], decoder)
        codes.append(found)
        parts.append(part)
    assert torch.equal(torch.cat(codes, 2), expected.codes[0])
    torch.testing.assert_close(torch.cat(parts, 2), expected.reconstruction, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [entry.name for entry in list_quantizers()])
def test_every_quantizer_of_the_zoo_trains_in_it(name: str) -> None:
    """The latent has its channels, and two steps move the last layer."""
    torch.manual_seed(0)
    quantizer = create_quantizer(name, **({"dim": 4} if name == "none" else {"bits": 4}))
    model = create_tokenizer(SMALL, [quantizer]).train()
    assert isinstance(model, VidTok)
    signal = films(2, 5, 8).float()
    assert model.latent(signal).shape == (2, quantizer.dim, 2, 2, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    before = model.last_layer.detach().clone()
    for _ in range(2):
        output = model(signal)
        optimizer.zero_grad()
        ((output.reconstruction - signal).square().mean() + output.loss).backward()
        optimizer.step()
    assert output.reconstruction.isfinite().all()
    assert output.loss.isfinite()
    assert not torch.equal(model.last_layer, before)


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = VidTok(SMALL, create_quantizer("fsq", bits=8))
    signal = films(4, 5, 8).float()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(120):
        loss = (model(signal).reconstruction - signal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * signal.var().item()


def test_it_starts_as_the_authors_does() -> None:
    """model_3dcausal.py of microsoft/VidTok: levels leave time alone, and resampling is by a fixed rule at 88 %."""
    model = VidTok(SMALL, create_quantizer("fsq", bits=8))
    x = torch.randn(1, 8, 3, 2, 2)
    assert torch.equal(model.encoder.down[0].block[0].time(x), x)
    assert torch.equal(model.decoder.up[-1].block[1].time(x), x)
    assert not torch.equal(model.encoder.mid.block_1(x.repeat(1, 2, 1, 1, 1)), x.repeat(1, 2, 1, 1, 1))
    shares = [value.sigmoid().item() for name, value in model.named_parameters() if name.endswith("mix_factor")]
    assert shares == [pytest.approx(0.8808, abs=1e-4)] * 4


def test_each_block_is_named_once() -> None:
    """Two in each level of the encoder, four in the decoder's, and three in the middle of both."""
    blocks = VidTok(SMALL, create_quantizer("fsq", bits=8)).blocks()
    assert len(blocks) == len(set(blocks)) == 3 * 2 + 3 * 4 + 2 * 3


def test_published_strides() -> None:
    """17 frames of 128 pixels are 5 × 16 × 16 positions (VidTok's 488)."""
    assert VidTokConfig() == VIDTOK_488
    with torch.device("meta"):
        latent = Encoder(VIDTOK_488, 6)(torch.zeros(1, 3, 17, 128, 128))
        assert latent.shape == (1, 6, 5, 16, 16)
        assert Decoder(VIDTOK_488, 6)(latent).shape == (1, 3, 17, 128, 128)
    assert SMALL_VIDTOK.stride == SMALL_64.stride == VIDTOK_488.stride


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halving": (0,)}, "halving names 1 levels and doubling 2"),
        ({"halving": (0, 3)}, r"halving names each level at most once, of the 3 .* got \(0, 3\)"),
        ({"doubling": (1, 1)}, r"doubling names each level at most once, of the 3 .* got \(1, 1\)"),
        ({"halving": (-1, 1)}, "halving must be an integer from 0"),
        ({"multipliers": ()}, "multipliers must be one or more"),
        ({"multipliers": (1, 2, 2**20)}, "width times each of the multipliers must be at most"),
        ({"width": 0}, "width must be an integer from 1"),
        ({"blocks": 0}, "blocks must be an integer from 1"),
    ],
)
def test_impossible_config(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)
