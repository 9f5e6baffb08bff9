"""A file of codes: it comes back, or is refused in a sentence."""

import random
import resource

import numpy as np
import pytest
import torch
from small_backbones import SMALL
from small_priors import make

from autoencoders import Tokenizer, code_maps_of, create_tokenizer
from autoencoders.extents import code_shapes, encode_any
from priors import CodeLayout, code_file
from priors.code_file import CodeFileError, CodeFiles, Signal, kind_of
from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from priors.fingerprint import fingerprint
from quantizers import create_quantizer


def made(backbone: str = "vqvae", quantizer: str = "fsq", seed: int = 0) -> Tokenizer:
    torch.manual_seed(seed)
    config = SMALL[backbone]
    return create_tokenizer(config, [create_quantizer(quantizer, bits=8) for _ in code_maps_of(config)]).eval()


def models_of(tokenizer: Tokenizer) -> list[CodeModel]:
    quantizers = tokenizer.quantizers
    maps, size = sum(quantizer.codes_per_position for quantizer in quantizers), quantizers[0].codebook_size
    layout = CodeLayout.of(tokenizer, 32)
    counts = np.random.default_rng(0).integers(0, 9, (maps, size))
    return [FixedLength(), Histogram(counts), CodePrior(make("gpt", layout)), CodePrior(make("maskgit", layout))]


def signal_of(tokenizer: Tokenizer, *extent: int, mark: int = 0) -> Signal:
    picture = torch.rand(1, 3, *extent, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Signal(encode_any(tokenizer, picture), extent, mark)


def assert_equal(one: Signal, other: Signal) -> None:
    assert (one.extent, one.mark) == (other.extent, other.mark)
    for found, expected in zip(one.codes, other.codes, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("backbone", SMALL)
def test_a_signal_comes_back_under_every_model(backbone: str) -> None:
    tokenizer = made(backbone)
    for model in models_of(tokenizer):
        for mark, extent in enumerate([(1, 1), (32, 32), (70, 41)]):
            signal = signal_of(tokenizer, *extent, mark=mark)
            data = CodeFiles(tokenizer, model).write(signal)
            assert kind_of(data) is type(model)
            assert_equal(CodeFiles(tokenizer, model).read(data), signal)


def test_beside_the_codes_a_small_file_has_sixteen_bytes() -> None:
    tokenizer = made()
    for side in (8, 32, 127):
        signal = signal_of(tokenizer, side, side)
        (quantizer,) = tokenizer.quantizers
        bits = signal.codes[0].numel() * np.log2(quantizer.codebook_size)
        assert len(CodeFiles(tokenizer, FixedLength()).write(signal)) <= bits / 8 * 1.001 + 16


def test_the_head_is_as_the_format_says() -> None:
    tokenizer = made()
    model = models_of(tokenizer)[1]
    digests = bytes.fromhex(fingerprint(tokenizer))[:2] + model.digest[:2]
    signal = signal_of(tokenizer, 130, 21, mark=3)
    for rate, numbers in ((None, b"\x82\x01\x15"), (16_000, b"\x82\x01\x15\x80\x7d")):
        assert CodeFiles(tokenizer, model, rate).write(signal).startswith(b"QZ\x17" + numbers + digests)


def test_a_rate_comes_back_or_is_refused() -> None:
    tokenizer = made()
    signal = signal_of(tokenizer, 40, 40)
    data = CodeFiles(tokenizer, FixedLength(), 16_000).write(signal)
    assert_equal(CodeFiles(tokenizer, FixedLength(), 16_000).read(data), signal)
    with pytest.raises(CodeFileError, match="a signal at 16,000 Hz, and this tokenizer's are at 24,000 Hz"):
        CodeFiles(tokenizer, FixedLength(), 24_000).read(data)


def test_what_differs_is_said() -> None:
    tokenizer = made()
    fixed, histogram, prior, _ = models_of(tokenizer)
    data = CodeFiles(tokenizer, histogram).write(signal_of(tokenizer, 40, 40))
    others = Histogram(np.ones_like(histogram.weights, dtype=int))
    for files, sentence in (
        (CodeFiles(made(seed=1), histogram), "made by another tokenizer"),
        (CodeFiles(tokenizer, others), "made by another histogram of codes"),
        (CodeFiles(tokenizer, fixed), "coded under a histogram of codes, and this is codes of a fixed length"),
        (CodeFiles(tokenizer, prior), "coded under a histogram of codes, and this is a prior"),
    ):
        with pytest.raises(CodeFileError, match=sentence):
            files.read(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a file of"),
        (b"QZ", "not a file of"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a file of"),
        (b"QZ\x20" + bytes(100), "version 2; this program reads version 1"),
        (b"QZ\x1c" + bytes(100), "cut or altered"),
        (b"QZ\x10" + b"\xff" * 100, "cut or altered"),
    ],
)
def test_what_is_no_file_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(CodeFileError, match=sentence):
        CodeFiles(made(), FixedLength()).read(data)


def test_every_cut_and_every_changed_bit_is_refused() -> None:
    tokenizer = made()
    files = CodeFiles(tokenizer, models_of(tokenizer)[1])
    data = files.write(signal_of(tokenizer, 21, 13))
    for length in range(len(data)):
        with pytest.raises(CodeFileError):
            files.read(data[:length])
    for place in range(8 * len(data)):
        altered = bytearray(data)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(CodeFileError):
            files.read(bytes(altered))
    with pytest.raises(CodeFileError):
        files.read(data + b"\1")


@pytest.mark.slow
def test_a_thousand_altered_files_are_refused_with_little_memory() -> None:
    tokenizer, chance = made(), random.Random(0)
    files = CodeFiles(tokenizer, models_of(tokenizer)[2])
    data = files.write(signal_of(tokenizer, 300, 200))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1000):
        altered = bytearray(data)
        for _ in range(chance.randint(1, 20)):
            altered[int(len(data) * chance.random() ** 3)] = chance.randrange(256)  # the head more often
        del altered[chance.randint(1, len(data)) :]
        if bytes(altered) != data:
            with pytest.raises(CodeFileError):
                files.read(bytes(altered))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # KiB


def test_a_signal_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = made()
    files = CodeFiles(tokenizer, FixedLength())
    huge = Signal([torch.zeros(1, 1, 1, 1, dtype=torch.int64)], (2**15, 2**15))
    with pytest.raises(CodeFileError, match="32768 × 32768 samples"):
        files.write(huge)
    files._code = lambda coder, codes, extent: list(codes or [])  # type: ignore[method-assign]
    monkeypatch.setattr(code_file, "LARGEST", 2**30)
    data = files.write(huge)
    monkeypatch.undo()
    with pytest.raises(CodeFileError, match="32768 × 32768 samples"):
        files.read(data)


def test_codes_that_come_out_otherwise_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose arithmetic gives other probabilities, though all digests are the same."""
    tokenizer = made()
    model = models_of(tokenizer)[2]
    files = CodeFiles(tokenizer, model)
    data = files.write(signal_of(tokenizer, 100, 100))
    exact = model.prior.stack.norm.forward
    monkeypatch.setattr(model.prior.stack.norm, "forward", lambda x: exact(x) + 2**-4)
    with pytest.raises(CodeFileError, match="computes other probabilities"):
        files.read(data)


def test_a_wrong_extent_is_refused() -> None:
    tokenizer = made()
    with pytest.raises(ValueError, match="must have 2 axes"):
        CodeFiles(tokenizer, FixedLength()).write(signal_of(tokenizer, 8, 8)._replace(extent=(8,)))


def test_shapes_are_those_of_the_codes() -> None:
    for backbone in SMALL:
        tokenizer = made(backbone)
        signal = signal_of(tokenizer, 33, 70)
        batch, grids = code_shapes(tokenizer, (33, 70))
        assert [(len(found), *found.shape[2:]) for found in signal.codes] == [(batch, *grid) for grid in grids]
