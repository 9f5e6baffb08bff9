"""Every line of the contract on every quantizer of the registry, each its own test."""

import importlib
from functools import partial
from pathlib import Path

import pytest

from quantizers import create_quantizer, list_quantizers
from quantizers.testing import CHECKS, ContractError, check_quantizer

VARIANTS = {
    "bsq": partial(create_quantizer, "bsq", bits=10),
    "diveq": partial(create_quantizer, "diveq", bits=8, dim=4),
    "fsp": partial(create_quantizer, "fsp", bits=10),
    "fsq": partial(create_quantizer, "fsq", bits=10),
    "fsq-large": partial(create_quantizer, "fsq", levels=(16,) * 12),
    "fvq": partial(create_quantizer, "fvq", bits=8, dim=4, hidden_dim=16, depth=1),
    "gumbel": partial(create_quantizer, "gumbel", bits=6, dim=8),
    "ibq": partial(create_quantizer, "ibq", bits=12, dim=8),
    "lfq": partial(create_quantizer, "lfq", bits=10),
    "lfq-large": partial(create_quantizer, "lfq", bits=32),
    "multi-scale": partial(create_quantizer, "multi-scale", bits=10, dim=6),
    "multi-scale-paper": partial(create_quantizer, "multi-scale", dim=4, codebook_size=64),
    "none": partial(create_quantizer, "none", dim=4),
    "rq": partial(create_quantizer, "rq", bits=16, dim=8),
    "rq-separate": partial(create_quantizer, "rq", bits=10, dim=8, shared=False),
    "simvq": partial(create_quantizer, "simvq", bits=10, dim=8),
    "vq": partial(create_quantizer, "vq", bits=8, dim=4),
    "vq-cosine": partial(create_quantizer, "vq-cosine", bits=8, dim=4),
    "vq-ema": partial(create_quantizer, "vq-ema", bits=10, dim=8),
}


def test_every_registered_quantizer_is_checked():
    assert {registration.name for registration in list_quantizers()} <= set(VARIANTS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS.keys())
def test_contract(make, check):
    check.run(make)


@pytest.mark.parametrize(
    ("broken", "check", "message"),
    [
        ("WrongDecode", "decode", "off by up to 1"),
        ("NoGradient", "gradient", "no gradient"),
        ("WrongEstimator", "straight-through", "not the straight-through"),
        ("CountsInEval", "eval-mode", "eval mode changed: seen"),
        ("NanOnEmpty", "empty-batch", "loss is not a finite scalar"),
        ("LocalStatistics", "two-ranks", "the ranks end with different seen"),
        ("FullMatrix", "memory", "a tensor of 1048576 elements"),
        ("NoChecks", "bad-codes", "a negative code: accepted"),
        ("ForgetsState", "state-dict", "after load_state_dict: codes differ"),
    ],
)
def test_a_broken_line_is_found(broken, check, message, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = importlib.import_module("broken_quantizers")
    CHECKS[check].run(module.Rounding)
    with pytest.raises(ContractError, match=message):
        CHECKS[check].run(getattr(module, broken))


def test_check_quantizer_names_the_line(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = importlib.import_module("broken_quantizers")
    with pytest.raises(ContractError, match=r"decode.*== quantized in eval mode"):
        check_quantizer(module.WrongDecode)
    with pytest.raises(ContractError, match=r"compile-eval \(torch.compile\(fullgraph=True\)"):
        check_quantizer(module.HostSync)
