"""What every backbone for sound promises, with all the quantizers of the zoo around it."""

import copy
import io
from dataclasses import replace
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from small_sounds import SMALL, codec, tones

from autoencoders import extents
from autoencoders.audio.residual import residual_quantizer
from autoencoders.audio.sizes import AudioBackboneName
from autoencoders.backbones import NETWORKS, create_tokenizer
from autoencoders.extents import decode_any, encode_any
from autoencoders.sizes import BACKBONES, backbone_of
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import create_quantizer, list_quantizers

every_backbone = pytest.mark.parametrize("backbone", get_args(AudioBackboneName))


def make(backbone: str, quantizer: str = "fsq") -> TrainableTokenizer:
    return codec(SMALL[backbone], create_quantizer(quantizer, bits=8))


def gradients(model: TrainableTokenizer, sounds: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    output = model(sounds)
    ((output.reconstruction - sounds).square().mean() + output.loss).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@every_backbone
def test_its_name_is_known_by_its_sizes(backbone: AudioBackboneName) -> None:
    assert backbone_of(SMALL[backbone]) == backbone
    assert type(SMALL[backbone]) is BACKBONES[backbone]
    assert type(make(backbone)) is NETWORKS[backbone]


@pytest.mark.parametrize(("backbone", "deep"), [("seanet", {"residual_units": 2}), ("dac", {"decoder_width": 64})])
def test_what_it_starts_from(backbone: AudioBackboneName, deep: dict[str, int]) -> None:
    """PyTorch's weights let a few per cent of a sound through so many layers, those of equal variance most of it."""
    sizes = replace(SMALL[backbone], strides=(2, 2, 2), width=16, **deep)
    through = {}
    for start in ("pytorch", "variance"):
        torch.manual_seed(0)
        model = create_tokenizer(replace(sizes, start=start), [create_quantizer("none", dim=16)]).eval()
        sounds = torch.randn(4, 1, 800)
        latents = model.latent(sounds).detach()
        through[start] = float((latents - latents.mean((0, 2), keepdim=True)).std())
    assert through["variance"] > 5 * through["pytorch"]
    assert 0.2 < through["variance"] < 20


@every_backbone
@pytest.mark.parametrize("quantizer", [entry.name for entry in list_quantizers()])
def test_a_step_of_training_with_every_quantizer(backbone: str, quantizer: str) -> None:
    model, sounds = make(backbone, quantizer), tones(4, 60)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    output = model(sounds)
    ((output.reconstruction - sounds).square().mean() + output.loss).backward()
    # Of the encoder's first layer: what passes the quantizer reaches all of it.
    assert next(model.encoder.parameters()).grad.abs().sum() > 0
    optimizer.step()
    model.eval()
    output = model(sounds)
    assert output.reconstruction.isfinite().all()
    (codes,) = model.encode(sounds)
    assert codes.shape == (4, model.quantizer.codes_per_position, 10)
    assert torch.equal(codes, output.codes[0])
    torch.testing.assert_close(model.decode([codes]), output.reconstruction)


@every_backbone
def test_a_sound_does_not_depend_on_its_batch(backbone: str) -> None:
    model, sounds = make(backbone, "fsq").double().eval(), tones(3, 60).double()
    alone = torch.cat([model(sound[None]).reconstruction for sound in sounds])
    torch.testing.assert_close(alone, model(sounds).reconstruction, rtol=1e-9, atol=1e-12)


@every_backbone
def test_every_parameter_gets_a_gradient(backbone: str) -> None:
    model = make(backbone, "none")
    for parameter in model.parameters():  # a branch whose last layer is still zero passes nothing on
        if not parameter.any():
            torch.nn.init.normal_(parameter)
    assert [name for name, of in gradients(model, tones(2, 60)).items() if not of.any()] == []


@every_backbone
def test_a_batch_in_parts(backbone: str) -> None:
    model, sounds = make(backbone), tones(4, 60)
    plain = gradients(model, sounds)
    with model.in_parts(2):
        in_parts = gradients(model, sounds)
    for name, gradient in plain.items():
        torch.testing.assert_close(in_parts[name], gradient, rtol=1e-4, atol=1e-6)


@every_backbone
def test_bf16_autocast(backbone: str) -> None:
    model, sounds = make(backbone, "none"), tones(2, 60)
    expected = model(sounds).reconstruction
    with torch.autocast("cpu", torch.bfloat16):
        output = model(sounds)
        (output.reconstruction.float() - sounds).abs().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    assert (output.reconstruction.float() - expected).square().mean() < 0.01 * expected.square().mean()


@every_backbone
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_another_precision(backbone: str, dtype: torch.dtype) -> None:
    model = make(backbone).eval().to(dtype)
    assert model.dtype == dtype
    sounds = tones(1, 60).to(dtype)
    back = model.decode(model.encode(sounds))
    assert back.dtype == dtype
    assert back.isfinite().all()


@every_backbone
def test_copies_and_stored_weights(backbone: str) -> None:
    model, sounds = make(backbone), tones(2, 60)
    gradients(model, sounds)  # a copy after a backward pass, too
    twin = copy.deepcopy(model).eval()
    with torch.device("meta"):
        empty = create_tokenizer(SMALL[backbone], [create_quantizer("fsq", bits=8)]).eval()
    empty.load_state_dict(model.state_dict(), assign=True)
    expected = model.eval()(sounds).reconstruction
    assert torch.equal(twin(sounds).reconstruction, expected)
    assert torch.equal(empty(sounds).reconstruction, expected)


@every_backbone
def test_any_length_is_padded_and_cut(backbone: str) -> None:
    model, sound = make(backbone).eval(), tones(1, 64)
    codes = encode_any(model, sound)
    assert codes[0].shape[2:] == (11,)
    back = decode_any(model, codes, (64,))
    assert back.shape == sound.shape


@torch.no_grad()
def test_a_long_sound_in_tiles_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, samples in (("LARGEST_WHOLE", 1000), ("LONG_TILE", 500), ("LONG_OVERLAP", 200)):
        monkeypatch.setattr(extents, name, samples)
    model = codec(replace(SMALL["seanet"], lstm_layers=0), create_quantizer("fsq", bits=8)).eval()
    sound = tones(1, 3077)
    codes = encode_any(model, sound)
    whole = model.encode(F.pad(sound, (0, -sound.shape[-1] % 6), "replicate"))
    assert torch.equal(codes[0], whole[0])
    back = decode_any(model, codes, (sound.shape[-1],))
    torch.testing.assert_close(back, model.decode(whole)[..., : sound.shape[-1]], rtol=1e-4, atol=1e-5)


@every_backbone
def test_wrong_sounds(backbone: str) -> None:
    model = make(backbone)
    for sound, message in [
        (torch.zeros(1, 1, 61), "multiples of the strides 6, got 61"),
        (torch.zeros(1, 2, 60), "1 channels, got 2"),
        (torch.zeros(1, 1, 0), "positive multiples"),
        (torch.zeros(1, 1, 6, 6), "got 6 × 6"),
        (torch.zeros(1, 1, 60, dtype=torch.int16), "floating-point numbers"),
    ]:
        for call in (model.encode, model):
            with pytest.raises(ValueError, match=message):
                call(sound)


@pytest.mark.slow
@every_backbone
def test_it_learns(backbone: str) -> None:
    """Four sounds by heart."""
    torch.manual_seed(0)
    model, sounds = create_tokenizer(SMALL[backbone], [create_quantizer("none", dim=4)]), tones(4, 120)
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(150):
        (model(sounds).reconstruction - sounds).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert (model.eval()(sounds).reconstruction - sounds).square().mean() < 0.2 * sounds.square().mean()


@pytest.mark.slow
@every_backbone
def test_compiling_blocks_changes_neither_names_nor_values(backbone: str) -> None:
    model, sounds = make(backbone).eval(), tones(2, 60)
    names, expected = list(model.state_dict()), model(sounds).reconstruction
    model.compile_blocks(backend="eager")
    torch.testing.assert_close(model(sounds).reconstruction, expected)
    assert list(model.state_dict()) == names
    of_blocks = {id(parameter) for block in model.blocks() for parameter in block.parameters()}
    assert id(model.last_layer) not in of_blocks


@pytest.mark.slow
@every_backbone
def test_an_exported_tokenizer_is_saved_and_loaded(backbone: str) -> None:
    model, sounds = make(backbone).eval(), tones(2, 60)
    file = io.BytesIO()
    torch.export.save(torch.export.export(model, (sounds,)), file)
    file.seek(0)
    found, expected = torch.export.load(file).module()(sounds), model(sounds)
    torch.testing.assert_close(found.reconstruction, expected.reconstruction, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.codes[0], expected.codes[0])


def test_the_default_quantizer_serves_every_rate() -> None:
    quantizer = residual_quantizer(4, dim=8, codebook_size=16)
    model, sounds = codec(SMALL["seanet"], quantizer), tones(64, 60)
    assert quantizer.dropout == 1
    assert len(quantizer.layers) == 4
    model(sounds)
    model.eval()
    (codes,) = model.encode(sounds)
    errors = []
    for count in (1, 2, 3, 4):
        model.quantizer = quantizer.truncated(count)
        assert torch.equal(model.encode(sounds)[0], codes[:, :count])
        latent = model.latent(sounds)
        errors.append((model.quantizer(latent).quantized - latent).square().mean().item())
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 0.7 * errors[0]
