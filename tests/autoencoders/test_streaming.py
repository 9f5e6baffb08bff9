"""A stream of chunks gives what the whole signal gives, item by item, whatever the chunks are."""

from dataclasses import replace

import pytest
import torch
from small_sounds import SEANET, SMALL, codec, tones

from autoencoders.audio.dac import DAC
from autoencoders.audio.residual import residual_quantizer
from autoencoders.audio.seanet import SEANetCodec
from autoencoders.audio.sizes import SPEECH_16KHZ, SEANetConfig
from autoencoders.streaming import State, StreamingTokenizer, reset
from quantizers import create_quantizer

STREAMING = replace(SEANET, padding="zeros")

CONFIGS = {
    "plain": STREAMING,
    "two memories": replace(STREAMING, lstm_layers=2, strides=(2, 4, 5, 8)),
    "stem": replace(STREAMING, stem=4, in_channels=2, lstm_layers=0),
    "wide windows": replace(STREAMING, residual_units=3, dilation_base=3, residual_kernel=7, compress=1, norm="none"),
    "identity": replace(STREAMING, shortcut="identity", latent_kernel=3, last_kernel=5),
}


def make(config: SEANetConfig, quantizer: str = "fsq") -> SEANetCodec:
    made = codec(config, create_quantizer(quantizer, bits=8)).double().eval()
    assert isinstance(made, SEANetCodec)
    return made


def encoded(model: StreamingTokenizer, sounds: torch.Tensor, positions: list[int]) -> torch.Tensor:
    state, found = model.encoder_state(len(sounds)), []
    for chunk in sounds.split([count * model.strides[0] for count in positions], -1):
        (codes,), state = model.encode_chunk(chunk, state)
        found.append(codes)
    return torch.cat(found, -1)


def decoded(model: StreamingTokenizer, codes: torch.Tensor, positions: list[int]) -> torch.Tensor:
    state, found = model.decoder_state(len(codes)), []
    for chunk in codes.split(positions, -1):
        sounds, state = model.decode_chunk([chunk], state)
        found.append(sounds)
    return torch.cat(found, -1)


@pytest.mark.parametrize("positions", [[1] * 12, [12], [5, 1, 6], [2, 3, 7]])
@pytest.mark.parametrize("name", CONFIGS)
def test_chunks_give_what_the_whole_gives(name: str, positions: list[int]) -> None:
    model = make(CONFIGS[name])
    sounds = tones(2, 12 * model.strides[0], model.channels).double()
    (codes,) = model.encode(sounds)
    assert len(codes.unique()) > 3
    assert torch.equal(encoded(model, sounds, positions), codes)
    torch.testing.assert_close(decoded(model, codes, positions), model.decode([codes]), rtol=1e-9, atol=1e-12)


def test_latents_equal_to_rounding() -> None:
    model = codec(SPEECH_16KHZ, create_quantizer("none", dim=8)).eval()
    sounds = tones(1, 320 * 20)
    (whole,) = model.encode(sounds)
    streamed = encoded(model, sounds, [1] * 20)
    # the codes of `none` are the bits of its float32 numbers
    numbers = [model.quantizer.decode(of) for of in (streamed, whole)]
    torch.testing.assert_close(numbers[0], numbers[1], rtol=1e-4, atol=1e-5)
    assert numbers[1].std() > 1e-3


def leaves(state: State) -> list[torch.Tensor]:
    return [leaf for part in state for leaf in (leaves(part) if isinstance(part, tuple) else [part])]


def test_a_reset_item_starts_anew_and_the_others_go_on() -> None:
    model = make(CONFIGS["two memories"])
    stride = model.strides[0]
    first, second = tones(3, 8 * stride).double().split(4 * stride, -1)
    codes, state = model.encode_chunk(first, model.encoder_state(3))
    state = reset(state, torch.tensor([False, True, False]))
    (found,), _ = model.encode_chunk(second, state)
    through = model.encode(torch.cat([first, second], -1))[0][..., 4:]
    anew = model.encode(second)[0]
    assert torch.equal(found[[0, 2]], through[[0, 2]])
    assert torch.equal(found[1], anew[1])
    assert not torch.equal(anew, through)

    _, state = model.decode_chunk(codes, model.decoder_state(3))
    state = reset(state, torch.tensor([False, True, False]))
    found, _ = model.decode_chunk([through], state)
    whole = model.decode([torch.cat([codes[0], through], -1)])[..., 4 * stride :]
    torch.testing.assert_close(found[[0, 2]], whole[[0, 2]], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found[1], model.decode([through])[1], rtol=1e-9, atol=1e-12)


def test_states_are_of_the_stream_and_not_of_the_model() -> None:
    model = make(STREAMING, "none")
    one, other = tones(2, 60).double().split(1)
    state = model.encoder_state()
    assert not any(leaf.any() for leaf in leaves(state))
    kept = [leaf.clone() for leaf in leaves(state)]
    codes, _ = model.encode_chunk(one, state)
    model.encode_chunk(other, state)
    assert torch.equal(model.encode_chunk(one, state)[0][0], codes[0])
    assert all(torch.equal(*pair) for pair in zip(kept, leaves(state), strict=True))
    assert all(leaf.shape[0] == 1 for leaf in leaves(state))


def test_a_model_in_training_streams_as_in_evaluation() -> None:
    model = codec(STREAMING, residual_quantizer(2, dim=4, codebook_size=16))
    assert isinstance(model, SEANetCodec)
    model(tones(8, 60))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    sounds = tones(1, 60)
    codes = encoded(model, sounds, [4, 6])
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(codes, model.eval().encode(sounds)[0])


def test_what_cannot_stream_is_named_where_it_is_bad() -> None:
    for changes in ({"padding": "reflect"}, {"causal": False}):
        model = make(replace(STREAMING, **changes))
        for start in (model.encoder_state, model.decoder_state):
            with pytest.raises(ValueError, match="cannot stream: causal must be true and padding zeros"):
                start()
    with pytest.raises(ValueError, match="a code of its quantizer depends on other positions"):
        make(STREAMING, "multi-scale").encoder_state()
    assert not issubclass(DAC, StreamingTokenizer)
    assert "dac" in SMALL


def test_bad_chunks() -> None:
    model = make(STREAMING)
    with pytest.raises(ValueError, match="multiples of the strides 6, got 7"):
        model.encode_chunk(torch.zeros(1, 1, 7).double(), model.encoder_state())
    with pytest.raises(ValueError, match="the state must be of a batch of 2, got 1"):
        model.encode_chunk(torch.zeros(2, 1, 6).double(), model.encoder_state())
    codes = torch.zeros(2, model.quantizer.codes_per_position, 3, dtype=torch.int64)
    with pytest.raises(ValueError, match="the state must be of a batch of 2, got 1"):
        model.decode_chunk([codes], model.decoder_state())
