"""The causal backbone for films: shapes, what sees what, pictures as films of a frame, streams, and the zoo in it."""

from dataclasses import replace

import pytest
import torch
from small_films import SMALL, films, tokenizer

from autoencoders import MAGVIT2, MAGVIT2Config
from autoencoders.extents import code_shapes, decode_any, encode_any
from autoencoders.tiling import encode_tiled
from autoencoders.video.layers import CausalConv3d, Upsample
from autoencoders.video.magvit2 import Decoder, Encoder
from autoencoders.video.sizes import MAGVIT2_128, SMALL_64
from quantizers import create_quantizer, list_quantizers

CONFIGS = {
    "small": SMALL,
    "rms": replace(SMALL, norm="rms"),
    "stem": replace(SMALL, stem=2, in_channels=1),
    "more of time": replace(SMALL, strides=((2, 2), (2, 1)), multipliers=(2, 1, 1), blocks=2),
    "space alone": replace(SMALL, strides=((1, 2), (1, 2))),
    "shuffle": replace(SMALL, resampling="shuffle"),
    "shuffle in more of time": replace(SMALL, strides=((2, 2), (2, 1)), multipliers=(2, 1, 1), resampling="shuffle"),
    "space, then time": replace(SMALL, convolutions="2d+1d", norm="rms", resampling="shuffle"),
    "frame by frame": replace(SMALL, convolutions="2d", strides=((1, 2), (1, 2))),
    "one level": replace(SMALL, strides=(), multipliers=(1,)),
}
each = pytest.mark.parametrize("name", CONFIGS)


def made(name: str, quantizer: str = "fsq") -> MAGVIT2:
    return tokenizer(CONFIGS[name], create_quantizer(quantizer, bits=8)).eval()


def film(model: MAGVIT2, steps: int, count: int = 2) -> torch.Tensor:
    """A lead and so many strides of frames, 3 strides wide."""
    time, side, _ = model.strides
    return films(count, 1 + steps * time, 3 * side, model.channels)


@each
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_one_position_for_the_first_frame_and_each_stride(name: str, steps: int) -> None:
    model = made(name)
    signal = film(model, steps)
    (codes,) = model.encode(signal)
    assert codes.shape == (2, model.quantizer.codes_per_position, 1 + steps, 3, 3)
    assert model.decode([codes]).shape == signal.shape
    assert model(signal).reconstruction.shape == signal.shape
    assert len(codes.unique()) > 3
    _, (grid,) = code_shapes(model, signal.shape[2:])
    assert grid == codes.shape[2:]


def test_published_strides() -> None:
    """17 frames of 128 pixels are 5 × 16 × 16 positions (MAGVIT-v2)."""
    with torch.device("meta"):
        latent = Encoder(MAGVIT2_128, 18)(torch.zeros(1, 3, 17, 128, 128))
        assert latent.shape == (1, 18, 5, 16, 16)
        assert Decoder(MAGVIT2_128, 18)(latent).shape == (1, 3, 17, 128, 128)
    assert (SMALL_64.time_stride, SMALL_64.side_stride) == (MAGVIT2_128.time_stride, MAGVIT2_128.side_stride) == (4, 8)


def seen(function, x: torch.Tensor, frame: int) -> list[int]:
    """The frames of x that a frame of function(x) depends on."""
    x = x.clone().requires_grad_()
    function(x)[:, :, frame].square().sum().backward()
    return x.grad.abs().sum((0, 1, 3, 4)).nonzero().flatten().tolist()


@each
def test_nothing_looks_at_a_later_frame(name: str) -> None:
    model = made(name)
    time = model.strides[0]
    signal = film(model, 4, 1)
    latent = model.latent(signal).detach()
    for position in range(5):
        assert max(seen(model.encoder, signal, position)) == position * time
        last, first = position * time, max(0, position * time - time + 1)
        assert max(seen(model.decoder, latent, last)) == max(seen(model.decoder, latent, first)) == position
    assert seen(model.encoder, signal, 0) == seen(model.decoder, latent, 0) == [0]


@each
def test_the_first_frame_of_a_film_is_coded_as_a_picture(name: str) -> None:
    model = made(name)
    signal = film(model, 2)
    picture = signal[:, :, :1]
    (codes,), (of_picture,) = model.encode(signal), model.encode(picture)
    assert torch.equal(codes[:, :, :1], of_picture)
    back = model.decode([of_picture])
    torch.testing.assert_close(model.decode([codes])[:, :, :1], back, rtol=1e-12, atol=1e-12)
    assert torch.equal(back, model(picture).reconstruction)


def test_what_follows_does_depend_on_the_past() -> None:
    model = made("small")
    signal = film(model, 3)
    assert 0 in seen(model.encoder, signal, 2)
    changed = model.latent(torch.cat([-signal[:, :, :1], signal[:, :, 1:]], 2))
    assert not torch.allclose(changed[:, :, 1], model.latent(signal)[:, :, 1])


def test_frame_by_frame_each_is_coded_as_a_picture() -> None:
    model = made("frame by frame")
    signal = film(model, 3)
    (codes,) = model.encode(signal)
    for number in range(4):
        assert torch.equal(model.encode(signal[:, :, number : number + 1])[0], codes[:, :, number : number + 1])
        assert seen(model.decoder, model.latent(signal).detach(), number) == [number]
    with pytest.raises(ValueError, match="take resampling shuffle"):
        replace(SMALL, convolutions="2d")


def encoded(model: MAGVIT2, signal: torch.Tensor, strides: list[int]) -> torch.Tensor:
    """The first chunk is the lead and so many strides."""
    state, found = model.encoder_state(len(signal)), []
    for chunk in signal.split([(place == 0) + count * model.strides[0] for place, count in enumerate(strides)], 2):
        (codes,), state = model.encode_chunk(chunk, state)
        found.append(codes)
    return torch.cat(found, 2)


def decoded(model: MAGVIT2, codes: torch.Tensor, strides: list[int]) -> torch.Tensor:
    state, found = model.decoder_state(len(codes)), []
    for chunk in codes.split([(place == 0) + count for place, count in enumerate(strides)], 2):
        part, state = model.decode_chunk([chunk], state)
        found.append(part)
    return torch.cat(found, 2)


@pytest.mark.parametrize("strides", [[0, 1, 1, 1, 1, 1, 1], [6], [2, 1, 3], [0, 6]])
@each
def test_chunks_give_what_the_whole_gives(name: str, strides: list[int]) -> None:
    model = made(name)
    signal = film(model, 6)
    (codes,) = model.encode(signal)
    assert torch.equal(encoded(model, signal, strides), codes)
    torch.testing.assert_close(decoded(model, codes, strides), model.decode([codes]), rtol=1e-9, atol=1e-12)


def test_a_state_does_not_grow_with_the_film() -> None:
    model = made("small")
    signal = film(model, 1)
    _, state = model.encode_chunk(signal, model.encoder_state(2))
    sizes = []
    for _ in range(4):
        _, state = model.encode_chunk(signal[:, :, 1:], state)
        sizes.append(_numbers(state))
    assert len(set(sizes)) == 1


def _numbers(state) -> int:
    return sum(_numbers(part) if isinstance(part, tuple) else part.numel() for part in state)


def test_chunks_that_do_not_fit_are_named() -> None:
    model = made("small")
    signal = film(model, 2)
    with pytest.raises(ValueError, match="multiples of the strides 2 × 4 × 4 beyond a lead of 1 × 0 × 0, got 2 × 12"):
        model.encode_chunk(signal[:, :, :2], model.encoder_state(2))
    _, state = model.encode_chunk(signal[:, :, :1], model.encoder_state(2))
    with pytest.raises(ValueError, match="positive multiples of the strides 2 × 4 × 4, got 3 × 12 × 12"):
        model.encode_chunk(signal[:, :, 1:4], state)
    with pytest.raises(ValueError, match="the state must be of a batch of 1, got 2"):
        model.encode_chunk(signal[:1, :, 1:3], state)


@pytest.mark.parametrize("extent", [(0, 8, 8), (2, 8, 8), (4, 8, 8), (3, 8, 6), (3, 0, 8)])
def test_extents_off_the_grid_are_named(extent: tuple[int, ...]) -> None:
    got = " × ".join(map(str, extent))
    with pytest.raises(ValueError, match=f"beyond a lead of 1 × 0 × 0, got {got}; crop"):
        made("small").encode(torch.zeros(1, 3, *extent, dtype=torch.float64))


@pytest.mark.parametrize("extent", [(1, 5, 9), (2, 8, 8), (5, 8, 7), (6, 4, 4)])
def test_any_extent_goes_on_as_it_ends_and_is_cut_again(extent: tuple[int, ...]) -> None:
    model = made("small")
    signal = films(1, extent[0], 16)[..., : extent[1], : extent[2]]
    codes = encode_any(model, signal)
    time, height, width = (length + more for length, more in zip(extent, (-(extent[0] - 1) % 2, 0, 0), strict=True))
    height, width = height + -height % 4, width + -width % 4
    padded = torch.nn.functional.pad(
        signal, (0, width - extent[2], 0, height - extent[1], 0, time - extent[0]), "replicate"
    )
    assert torch.equal(codes[0], model.encode(padded)[0])
    assert code_shapes(model, extent) == (1, [tuple(codes[0].shape[2:])])
    back = decode_any(model, codes, extent)
    torch.testing.assert_close(back, model.decode(codes)[:, :, : extent[0], : extent[1], : extent[2]])


@pytest.mark.parametrize("frames", [1, 2, 9, 12])
def test_a_large_film_goes_through_chunk_by_chunk(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, signal = made("small"), films(1, frames, 16)[..., :13]
    whole = encode_any(model, signal)
    back = decode_any(model, whole, signal.shape[2:])
    sizes: list[int] = []
    encode, decode = MAGVIT2.encode_chunk, MAGVIT2.decode_chunk
    monkeypatch.setattr(MAGVIT2, "encode", None)
    monkeypatch.setattr(MAGVIT2, "decode", None)
    monkeypatch.setattr(MAGVIT2, "encode_chunk", lambda self, *of: (sizes.append(of[0].shape[2]), encode(self, *of))[1])
    monkeypatch.setattr(
        MAGVIT2, "decode_chunk", lambda self, *of: (sizes.append(of[0][0].shape[2]), decode(self, *of))[1]
    )
    monkeypatch.setattr("autoencoders.extents.LARGEST_WHOLE", 4 * 16 * 16 if frames > 4 else 16)
    codes = encode_any(model, signal)
    assert torch.equal(codes[0], whole[0])
    torch.testing.assert_close(decode_any(model, codes, signal.shape[2:]), back, rtol=1e-9, atol=1e-12)
    assert sizes == {1: [1, 1], 2: [3, 2], 9: [5, 4, 3, 2], 12: [5, 4, 4, 3, 2, 2]}[frames]


def test_tiles_are_refused() -> None:
    with pytest.raises(ValueError, match="without a lead"):
        encode_tiled(made("small"), film(made("small"), 2, 1), 8, 0)


@pytest.mark.parametrize("name", [entry.name for entry in list_quantizers()])
def test_every_quantizer_of_the_zoo_fits(name: str) -> None:
    model = tokenizer(SMALL, create_quantizer(name, **({"dim": 4} if name == "none" else {"bits": 4}))).float().train()
    output = model(film(model, 1).float())
    ((output.reconstruction - 1).square().mean() + output.loss).backward()
    assert output.reconstruction.isfinite().all()
    assert model.decoder[-2].conv.bias.grad.any()  # its weight's is zero where all vectors start at zero (fvq)


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = MAGVIT2(replace(SMALL, norm="rms", width=8), create_quantizer("fsq", bits=8))
    signal = films(4, 5, 16).float()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = (model(signal).reconstruction - signal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * signal.var().item()


def test_an_upsampled_film_drops_what_is_before_its_first_frame() -> None:
    layer = Upsample(1, 1, (2, 1))
    with torch.no_grad():
        layer.conv.conv.weight.zero_()
        layer.conv.conv.bias.copy_(torch.tensor([10.0, 20.0]))  # of the first and the last frame of each pair
    assert layer(torch.zeros(1, 1, 3, 1, 1)).flatten().tolist() == [20, 10, 20, 10, 20]


def test_a_strided_convolution_sees_its_own_frames() -> None:
    layer = CausalConv3d(1, 1, stride=(2, 1))
    with torch.no_grad():
        layer.conv.weight.zero_()
        layer.conv.weight[0, 0, :, 1, 1] = torch.tensor([100.0, 10.0, 1.0])
        layer.conv.bias.zero_()
    frames = torch.tensor([1.0, 2, 3, 4, 5]).view(1, 1, 5, 1, 1)
    assert layer(frames).flatten().tolist() == [1, 123, 345]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": ((1, 2),)}, "3 multipliers need 2 of them, got 1"),
        ({"strides": ((1, 2), (3, 2))}, "strides must be an integer from 1 to 2"),
        ({"multipliers": ()}, "multipliers must be one or more"),
        ({"width": 0}, "width must be an integer from 1"),
        ({"multipliers": (1, 2, 2**20)}, "width times each of the multipliers must be at most"),
        ({"blocks": 0}, "blocks must be an integer from 1"),
    ],
)
def test_impossible_config(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


def test_defaults_are_as_published() -> None:
    assert MAGVIT2Config() == MAGVIT2_128
    assert MAGVIT2_128.widths == (128, 256, 256, 512)
