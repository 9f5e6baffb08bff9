"""Whether a codebook has started: what its buffer says, whoever wrote it; a tiny first batch is no last word."""

import copy
import io
from collections.abc import Callable
from itertools import chain

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quantizers import Quantizer, create_quantizer, list_quantizers
from quantizers.codebook import LearnedCodebook

NAMES = [entry.name for entry in list_quantizers() if create_quantizer(entry.name, bits=4).needs_start]

OPTIONS = {"rq": {"shared": False}, "pq": {"base": "vq"}}
"""With which a method holds several codebooks, or others than by default."""


def make(name: str) -> Quantizer:
    """One that replaces no codes, so that nothing but a start makes rows of a batch its vectors."""
    torch.manual_seed(0)
    return create_quantizer(name, bits=4, dead_threshold=0, **OPTIONS.get(name, {})).train()


def batch(quantizer: Quantizer, positions: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, quantizer.dim, 4, positions // 4, generator=generator)


def train(quantizer: Quantizer, steps: int = 3) -> Quantizer:
    for step in range(steps):
        quantizer(batch(quantizer, 512, step))
    return quantizer


def vectors(quantizer: Quantizer) -> Tensor:
    return torch.cat(
        [part.vectors.detach().clone() for part in quantizer.modules() if isinstance(part, LearnedCodebook)]
    )


def write_in_place(target: nn.Module, source: nn.Module) -> nn.Module:
    with torch.no_grad():
        for tensor, other in zip(
            chain(target.parameters(), target.buffers()), chain(source.parameters(), source.buffers()), strict=True
        ):
            tensor.copy_(other)
    return target


def load(target: nn.Module, source: nn.Module, *, assign: bool = False) -> nn.Module:
    target.load_state_dict(copy.deepcopy(source.state_dict()), assign=assign)
    return target


def load_flags(target: nn.Module, source: nn.Module) -> nn.Module:
    """From a checkpoint of an earlier version."""
    state = source.state_dict()
    target.load_state_dict(state | {name: state[name] > 0 for name in state if name.endswith("started")})
    return target


def pickled(_: nn.Module, source: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(source, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def averaged(target: Quantizer, _: nn.Module, **options: object) -> nn.Module:
    model = nn.Sequential(target, nn.Linear(1, 1))  # which has parameters, as an averaged model must
    average = AveragedModel(model, **options)  # type: ignore[arg-type]
    average.update_parameters(model)  # before the start
    for _step in range(3):
        train(target, 1)
        average.update_parameters(model)
    return average.module[0]


def averaged_by_hand(target: nn.Module, source: nn.Module) -> nn.Module:
    """Of the numbers with a fraction only, as some trainers do."""
    for tensor, other in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        if tensor.dtype.is_floating_point:
            tensor.mul_(0.999).add_(other, alpha=0.001)
    return target


WAYS: dict[str, Callable[..., nn.Module]] = {
    "load": load,
    "assign": lambda target, source: load(target, source, assign=True),
    "flags": load_flags,
    "in place": write_in_place,
    "deepcopy": lambda _, source: copy.deepcopy(source),
    "pickle": pickled,
    "double": lambda _, source: copy.deepcopy(source).double().float(),
    "AveragedModel": averaged,
    "AveragedModel, buffers": lambda *models: averaged(*models, use_buffers=True),
    "AveragedModel, EMA": lambda *models: averaged(*models, use_buffers=True, multi_avg_fn=get_ema_multi_avg_fn(0.999)),
    "by hand": averaged_by_hand,
}


@pytest.mark.parametrize("looked", [False, True], ids=["", "looked before"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_one_that_has_started_is_not_started_again_however_it_got_here(name: str, way: str, looked: bool) -> None:
    target, source = make(name), train(make(name))
    assert not looked or target.needs_start
    model = WAYS[way](target, source)
    assert isinstance(model, Quantizer)
    assert not model.needs_start
    different = len(vectors(model).unique(dim=0))
    model.train()(torch.randn(1, model.dim))
    assert len(vectors(model).unique(dim=0)) == different  # where k-means on one position would leave hardly any


@pytest.mark.parametrize("write", [load, write_in_place])
@pytest.mark.parametrize("name", NAMES)
def test_one_that_is_put_back_to_before_its_start_starts_again(name: str, write: Callable[..., nn.Module]) -> None:
    quantizer = train(make(name))
    assert not quantizer.needs_start
    write(quantizer, make(name))
    assert quantizer.needs_start
    again, first = train(quantizer), train(make(name))
    assert torch.equal(vectors(again), vectors(first))


def test_started_is_read_from_the_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizer = train(make("vq-ema"))
    reads = []
    monkeypatch.setattr(Tensor, "item", lambda tensor: reads.append(tensor))
    train(quantizer)
    assert reads == []


@pytest.mark.parametrize("name", NAMES)
def test_only_what_has_not_started_does(name: str) -> None:
    """Of several codebooks, of which one came from elsewhere."""
    quantizer, other = make(name), train(make(name))
    codebooks = [part for part in quantizer.modules() if isinstance(part, LearnedCodebook)]
    theirs = [part for part in other.modules() if isinstance(part, LearnedCodebook)]
    load(codebooks[0], theirs[0])
    for key in codebooks[0].state_dict().keys() & {"vectors", "sums"}:
        codebooks[0].state_dict()[key].mul_(100)  # which no k-means on this data would give
    before = codebooks[0].vectors.detach().clone()
    assert quantizer.needs_start == (len(codebooks) > 1)
    quantizer(batch(quantizer, 512))
    assert not quantizer.needs_start
    kept = (codebooks[0].vectors.detach() - before).abs().amax(1) < 1
    assert kept.float().mean() > 0.5


@pytest.mark.parametrize("sizes", [(1,), (1, 2), (3, 1)])
@pytest.mark.parametrize("bits", [4, 10])
def test_tiny_first_batches_are_no_last_word(bits: int, sizes: tuple[int, ...]) -> None:
    quantizer = create_quantizer("vq-ema", bits=bits).train()
    for rows in sizes:
        quantizer(5 + torch.randn(rows, quantizer.dim))
        assert quantizer.needs_start
    rows = torch.randn(256, quantizer.dim)
    quantizer(rows)
    assert not quantizer.needs_start
    alone = create_quantizer("vq-ema", bits=bits).train()
    alone(rows)
    assert torch.equal(quantizer.codebook.vectors, alone.codebook.vectors)
    assert torch.equal(quantizer.codebook.counts, alone.codebook.counts)


def test_batches_of_one_size_start_once_whatever_it_is() -> None:
    for rows in (1, 20, 100):
        quantizer = create_quantizer("vq-ema", dim=4, codebook_size=128, dead_threshold=0).train()
        for step in range(140):
            steps = int(quantizer.codebook.steps)
            quantizer(torch.randn(rows, 4))
            assert quantizer.codebook.steps == steps + 1 == step + 1
            assert quantizer.needs_start == (rows * (step + 1) < 127.9)


def test_modes_of_the_parts_are_as_before_the_start() -> None:
    quantizer = make("rq")
    quantizer.layers[1].eval()
    quantizer(batch(quantizer, 512))
    assert [layer.training for layer in quantizer.layers] == [True, False]
