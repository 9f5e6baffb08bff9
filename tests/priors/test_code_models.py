"""Codes under each model of them: they come back, and take what the model says."""

import math

import numpy as np
import pytest
import torch
from small_priors import LAYOUTS, make
from torch import Tensor

from priors import CodeLayout, PriorName
from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from priors.entropy_coding import Reader, Writer
from priors.windows import Windows
from quantizers import Quantizer, create_quantizer, list_quantizers

FITTING = {name: layout for name, layout in LAYOUTS.items() if name != "digits with gaps"} | {
    "digits with gaps": CodeLayout(((3,),), 2, 7, sub_tokens=2),
    "64 positions": CodeLayout(((8, 8),), 1, 300),
}


def random_codes(quantizer: Quantizer, batch: int, grid: tuple[int, ...], seed: int = 0) -> Tensor:
    """Codes that this quantizer could give."""
    chance = torch.Generator().manual_seed(seed)
    shape = (batch, quantizer.codes_per_position, *grid)
    codes = torch.randint(quantizer.codebook_size, shape, generator=chance)
    return quantizer.join_code_maps(quantizer.code_maps(codes), grid)


def quantizers_of(layout: CodeLayout) -> list[Quantizer]:
    sizes = {"codebook_size": layout.codebook_size, "codes_per_position": layout.codes_per_position}
    return [create_quantizer("rq", dim=2, **sizes) for _ in layout.grids]


def written(model: CodeModel, codes: list[Tensor], quantizers: list[Quantizer]) -> bytes:
    writer = Writer()
    model.code(writer, codes, quantizers, len(codes[0]), [tuple(of.shape[2:]) for of in codes])
    return writer.to_bytes()


def read(model: CodeModel, data: bytes, like: list[Tensor], quantizers: list[Quantizer]) -> list[Tensor]:
    return model.code(Reader(data), None, quantizers, len(like[0]), [tuple(of.shape[2:]) for of in like])


def assert_equal(one: list[Tensor], other: list[Tensor]) -> None:
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", [about.name for about in list_quantizers()])
@pytest.mark.parametrize("grid", [(), (7,), (5, 4), (2, 3, 4)])
def test_codes_of_every_quantizer_come_back(name: str, grid: tuple[int, ...]) -> None:
    if name == "none":
        pytest.skip("has no codes")
    quantizer = create_quantizer(name, bits=10)
    codes = [random_codes(quantizer, 3, grid)]
    counts = np.random.default_rng(0).integers(0, 9, (quantizer.codes_per_position, quantizer.codebook_size))
    for model in (FixedLength(), Histogram(counts)):
        data = written(model, codes, [quantizer])
        assert_equal(read(model, data, codes, [quantizer]), codes)
    bits = 3 * math.prod(grid) * sum(quantizer.code_density(grid)) * math.log2(quantizer.codebook_size)
    assert len(written(FixedLength(), codes, [quantizer])) <= bits / 8 * 1.001 + 1


def test_a_histogram_saves_what_its_entropy_is_lower_by() -> None:
    quantizer = create_quantizer("vq", codebook_size=256, dim=2)
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(256, 0.3))
    codes = [torch.from_numpy(random.choice(256, p=shares, size=(1, 1, 100, 100)))]
    counts = random.multinomial(10**6, shares)[None]
    entropy = -np.log2(shares[codes[0].numpy()]).sum() / 8
    assert entropy < len(written(Histogram(counts), codes, [quantizer])) < 1.01 * entropy


@pytest.mark.parametrize("counts", [np.zeros((2, 3)), np.zeros(3, np.int64), np.full((1, 3), -1)])
def test_what_is_no_histogram_is_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="table of whole numbers"):
        Histogram(counts)


def test_a_histogram_of_other_codes_is_refused() -> None:
    quantizer = create_quantizer("vq", codebook_size=256, dim=2)
    with pytest.raises(ValueError, match="of 1 maps of 10 codes, not of map 1 of 256"):
        written(Histogram(np.ones((1, 10), int)), [random_codes(quantizer, 1, (2, 2))], [quantizer])


@pytest.mark.parametrize("name", ["gpt", "maskgit"])
@pytest.mark.parametrize("layout", FITTING.values(), ids=list(FITTING))
@pytest.mark.parametrize("windows", [1, 3])
def test_codes_of_whole_windows_take_what_the_prior_says(name: PriorName, layout: CodeLayout, windows: int) -> None:
    prior, quantizers = make(name, layout, classes=2), quantizers_of(layout)
    drawn = prior.sample(windows, [0] * windows, generator=torch.Generator().manual_seed(3))
    codes = layout.to_codes(drawn)
    data = written(CodePrior(prior), codes, quantizers)
    assert_equal(read(CodePrior(prior), data, codes, quantizers), codes)
    if name == "gpt":
        prior.classes, start = 0, prior.input.starts[2:]
        prior.input.starts = torch.nn.Parameter(start)
        nll = prior.nll(drawn).sum().item() / math.log(2) / 8
        assert nll * 0.99 - 1 < len(data) < nll * 1.01 + 1


@pytest.mark.parametrize("name", ["gpt", "maskgit"])
@pytest.mark.parametrize("layout", [FITTING["plain"], FITTING["depth 4"], FITTING["64 positions"]])
@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (3, 7), (11, 5)])
def test_codes_of_any_size_come_back(name: PriorName, layout: CodeLayout, grid: tuple[int, int]) -> None:
    (quantizer,) = quantizers_of(layout)
    model, codes = CodePrior(make(name, layout)), [random_codes(quantizer, 2, grid)]
    assert_equal(read(model, written(model, codes, [quantizer]), codes, [quantizer]), codes)


@pytest.mark.parametrize("name", ["gpt", "maskgit"])
def test_the_same_bytes_for_any_batch_and_number_of_threads(name: PriorName) -> None:
    prior, threads = make(name, FITTING["64 positions"], width=64), torch.get_num_threads()
    (quantizer,) = quantizers_of(prior.layout)
    codes = [random_codes(quantizer, 1, (20, 30))]
    data = written(CodePrior(prior, batch=1), codes, [quantizer])
    torch.set_num_threads(threads % 2 + 1)
    try:
        assert written(CodePrior(prior, batch=8), codes, [quantizer]) == data
        assert_equal(read(CodePrior(prior, batch=8), data, codes, [quantizer]), codes)
    finally:
        torch.set_num_threads(threads)


def test_more_windows_than_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("priors.code_models.LARGEST_GROUP", 2)
    model = CodePrior(make("gpt", FITTING["plain"]))
    (quantizer,) = quantizers_of(model.prior.layout)
    codes = [random_codes(quantizer, 1, (5, 8))]
    assert_equal(read(model, written(model, codes, [quantizer]), codes, [quantizer]), codes)


def test_a_prior_that_knows_no_picture_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="take one with label_dropout"):
        CodePrior(make("gpt", FITTING["plain"], classes=3, label_dropout=0.0))


def test_digests_differ_with_all_that_probabilities_depend_on() -> None:
    layout = FITTING["plain"]
    gpt = make("gpt", layout)
    moved = make("gpt", layout)
    with torch.no_grad():
        moved.input.table[0, 0] += 2**-10
    models = [
        FixedLength(),
        Histogram(np.ones((1, 5), int)),
        Histogram(np.ones((5, 1), int)),
        CodePrior(gpt),
        CodePrior(moved),
        CodePrior(make("maskgit", layout)),
        CodePrior(make("maskgit", layout), steps=3),
    ]
    assert len({model.digest for model in models}) == len(models)
    assert CodePrior(make("gpt", layout)).digest == CodePrior(gpt).digest


STREAM = "001efb4b2e2b0349327e46e895b5b057158a918dbcff84495ed965a39497f13b"


def test_bytes_written_by_the_first_version_are_read() -> None:
    """The weights follow from a formula: what changes here is the coder, or the arithmetic."""
    prior = make("gpt", CodeLayout(((2, 2),), 1, 300), rotary=False)
    with torch.no_grad():
        for number, parameter in enumerate(prior.parameters()):
            ticks = torch.arange(parameter.numel(), dtype=torch.float64) * 31 + 7 * number
            parameter.copy_(((ticks % 97) / 97 - 0.5).view_as(parameter))
    codes = [(torch.arange(30) ** 2 * 7 % 300).view(1, 1, 5, 6)]
    quantizers = quantizers_of(prior.layout)
    data = written(CodePrior(prior), codes, quantizers)
    assert data.hex() == STREAM
    assert_equal(read(CodePrior(prior), bytes.fromhex(STREAM), codes, quantizers), codes)


def test_windows_are_cut_and_joined() -> None:
    layout = CodeLayout(((2, 2), (4, 4)), 1, 50)
    codes = [torch.arange(18).view(2, 1, 3, 3), torch.arange(72).view(2, 1, 6, 6)]
    windows = Windows(layout, 2, [(3, 3), (6, 6)])
    cut = windows.cut(codes)
    assert [tuple(of.shape) for of in cut] == [(8, 1, 2, 2), (8, 1, 4, 4)]
    assert cut[0][1].flatten().tolist() == [2, 2, 5, 5]  # beyond the edge as at the edge
    assert windows.shown[1].tolist()[:4] == [0, 0, 2, 2]
    assert windows.shown[0].tolist() == list(range(20))
    assert_equal(windows.join(cut), codes)


def test_maps_of_other_ratios_are_refused() -> None:
    with pytest.raises(ValueError, match="are no windows of them"):
        Windows(CodeLayout(((2, 2), (4, 4)), 1, 50), 1, [(3, 3), (12, 12)])
