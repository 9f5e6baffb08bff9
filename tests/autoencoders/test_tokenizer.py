"""What every tokenizer promises, on every backbone and baseline: precisions, channels, input that is none."""

import dataclasses
import io
from collections.abc import Callable

import pytest
import torch
from small_backbones import SMALL

from autoencoders.backbones import code_maps_of, create_tokenizer
from autoencoders.blocks import BlockKMeans, BlockMean, BlockPCA
from autoencoders.tokenizer import Tokenizer
from priors import CodeLayout
from quantizers import Quantizer, create_quantizer

QUANTIZERS: dict[str, Callable[[], Quantizer]] = {
    "none": lambda: create_quantizer("none", dim=4),
    "fsq": lambda: create_quantizer("fsq", bits=8),
    "bsq": lambda: create_quantizer("bsq", bits=8),
    "vq-ema": lambda: create_quantizer("vq-ema", bits=4, dim=4),
    "rq": lambda: create_quantizer("rq", bits=8, dim=4),
}


def made(backbone: str, quantizer: str = "fsq", channels: int = 3) -> Tokenizer:
    torch.manual_seed(0)
    config = dataclasses.replace(SMALL[backbone], in_channels=channels)
    return create_tokenizer(config, [QUANTIZERS[quantizer]() for _ in code_maps_of(config)]).eval()


BASELINES: dict[str, Callable[[], Tokenizer]] = {
    "block-mean": lambda: BlockMean(8).eval(),
    "pca": lambda: BlockPCA(8, 4).eval(),
    "kmeans": lambda: BlockKMeans(8, 16).eval(),
}

EVERY: dict[str, Callable[[], Tokenizer]] = {
    **{name: (lambda name=name: made(name)) for name in SMALL},
    **{f"vqvae with {name}": (lambda name=name: made("vqvae", name)) for name in QUANTIZERS},
    **BASELINES,
}

each = pytest.mark.parametrize("name", EVERY)


@each
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_another_precision_from_the_picture_to_the_picture(name: str, dtype: torch.dtype) -> None:
    tokenizer = EVERY[name]().to(dtype)
    assert tokenizer.dtype == dtype
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = tokenizer.encode(picture.to(dtype))
    back = tokenizer.decode(codes)
    assert back.shape == picture.shape
    assert back.isfinite().all()
    torch.testing.assert_close(back, tokenizer(picture.to(dtype)).reconstruction, rtol=0.01, atol=0.01)
    CodeLayout.of(tokenizer, 32)


@each
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_quantizers_kept_in_float32(name: str, dtype: torch.dtype) -> None:
    tokenizer = EVERY[name]().to(dtype)
    for quantizer in tokenizer.quantizers:
        quantizer.float()
    if tokenizer.dtype == dtype:  # else there is nothing around them
        picture = torch.zeros(1, 3, 32, 32, dtype=dtype)
        assert tokenizer.decode(tokenizer.encode(picture)).isfinite().all()


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", SMALL)
def test_another_number_of_channels(name: str, channels: int) -> None:
    tokenizer = made(name, channels=channels)
    assert tokenizer.channels == channels
    layout = CodeLayout.of(tokenizer, 32)
    codes = tokenizer.encode(torch.zeros(2, channels, 32, 32))
    assert layout.to_tokens(codes).shape == (2, layout.positions, layout.depth)
    assert tokenizer.decode(codes).shape == (2, channels, 32, 32)


@each
def test_wrong_signals_are_named(name: str) -> None:
    tokenizer = EVERY[name]()
    for picture, said in (
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), r"floating-point numbers in \[-1, 1\], got torch.uint8"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.int64), "got torch.int64"),
        (torch.zeros(1, 1, 32, 32), "3 channels, got 1"),
        (torch.zeros(32), "3 channels, got 0"),
    ):
        for call in (tokenizer.encode, tokenizer):
            with pytest.raises(ValueError, match=said):
                call(picture)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_invariant_codes_are_those_of_any_batch(name: str) -> None:
    """To the last bit of the latents, which the codes of `none` are; of a copy with its channels last, too."""
    tokenizer = made(name, "none")
    for weight in tokenizer.parameters():
        weight.add_(torch.randn_like(weight), alpha=0.1)
    pictures = torch.rand(33, 3, 32, 32)
    each_map = zip(*(tokenizer.encode(picture[None].clone()) for picture in pictures), strict=True)
    alone = [torch.cat(found) for found in each_map]
    for first, size in ((0, 33), (0, 2), (5, 7), (32, 1)):
        some = pictures[first : first + size]
        for batch in (some, some.contiguous(memory_format=torch.channels_last)):
            found = tokenizer.encode(batch, invariant=True)
            assert all(torch.equal(one, all_[first : first + size]) for one, all_ in zip(found, alone, strict=True))
    assert [codes.shape[0] for codes in tokenizer.encode(pictures[:0], invariant=True)] == [0] * len(alone)


@pytest.mark.parametrize("name", SMALL)
def test_the_meta_device(name: str) -> None:
    tokenizer = made(name)
    picture = torch.rand(1, 3, 32, 32)
    for assign in (True, False):
        with torch.device("meta"):
            other = made(name)
        if not assign:
            other._apply(lambda tensor: torch.full_like(tensor, 3, device="cpu"))  # memory that was used before
        other.load_state_dict(tokenizer.state_dict(), assign=assign)
        assert all(torch.equal(*pair) for pair in zip(other.encode(picture), tokenizer.encode(picture), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_an_exported_tokenizer_is_saved_and_loaded(name: str) -> None:
    tokenizer = made(name)
    picture = torch.rand(2, 3, 32, 32)
    file = io.BytesIO()
    torch.export.save(torch.export.export(tokenizer, (picture,)), file)
    file.seek(0)
    found, expected = torch.export.load(file).module()(picture), tokenizer(picture)
    assert type(found) is type(expected)
    torch.testing.assert_close(found.reconstruction, expected.reconstruction, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(*pair) for pair in zip(found.codes, expected.codes, strict=True))
