"""Many rates from one tokenizer."""

import numpy as np
import pytest
import torch
from small_backbones import SMALL
from smoke_training import SMOKE

from autoencoders import create_tokenizer
from benchmarks.protocols.compression.depths import depths, truncated, truncated_model
from priors.code_file import CodeFiles, Signal
from priors.code_models import Histogram
from quantizers import create_quantizer


def _tokenizer(name: str, **options: object):
    torch.manual_seed(0)
    quantizer = create_quantizer(name, dim=8, **options)
    tokenizer = create_tokenizer(SMOKE.model, [quantizer])
    tokenizer(torch.rand(8, 3, 32, 32) * 2 - 1)  # which starts codebooks
    return tokenizer.eval()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rq", {"codebook_size": 16, "codes_per_position": 3}),
        ("multi-scale", {"codebook_size": 16, "scales": (1, 2, 4)}),
    ],
)
def test_each_depth_has_the_first_codes_and_leaves_the_whole_as_it_was(name: str, options: dict) -> None:
    tokenizer = _tokenizer(name, **options)
    assert depths(tokenizer) == range(1, 4)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    (whole,) = tokenizer.encode(images)
    for count in depths(tokenizer):
        part = truncated(tokenizer, count)
        assert torch.equal(part.encode(images)[0], whole[:, :count])
        assert part.decode([whole[:, :count]]).shape == images.shape
        assert tokenizer.quantizers[0].codes_per_position == 3
        assert next(part.parameters()) is next(tokenizer.parameters())
    assert torch.equal(truncated(tokenizer, 3).decode([whole]), tokenizer.decode([whole]))
    assert not torch.equal(truncated(tokenizer, 1).decode([whole[:, :1]]), tokenizer.decode([whole]))


def test_others_have_one_depth() -> None:
    tokenizer = _tokenizer("pq", codebook_size=16, groups=2)
    assert depths(tokenizer) == range(2, 3)
    assert truncated(tokenizer, 2).quantizers[0] is not None
    with pytest.raises(ValueError, match="cannot leave out"):
        truncated(tokenizer, 1)


def test_a_histogram_keeps_the_rows_of_the_first_codes_of_each_map() -> None:
    torch.manual_seed(0)
    both = [create_quantizer("rq", dim=8, codebook_size=16, codes_per_position=3) for _ in range(2)]
    tokenizer = create_tokenizer(SMALL["vqvae2"], both).eval()
    counts = np.arange(6 * 16).reshape(6, 16)
    part = truncated_model(Histogram(counts), tokenizer, 2)
    assert isinstance(part, Histogram)
    assert np.array_equal(part.counts, counts[[0, 1, 3, 4]])
    assert truncated_model(Histogram(counts), tokenizer, 3).digest == Histogram(counts).digest
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    short = truncated(tokenizer, 2)
    codec = CodeFiles(short, part)
    codes = short.encode(images)
    read = codec.read(codec.write(Signal(codes, (32, 32)))).codes
    assert all(torch.equal(one, other) for one, other in zip(codes, read, strict=True))
