"""Every line of the contract on every quantizer of the registry, each its own test."""

from functools import partial

import pytest

from quantizers import create_quantizer, list_quantizers
from quantizers.testing import CHECKS

VARIANTS = {
    "bsq": partial(create_quantizer, "bsq", bits=12),
    "diveq": partial(create_quantizer, "diveq", bits=10, dim=4),
    "fsp": partial(create_quantizer, "fsp", bits=10),
    "fsq": partial(create_quantizer, "fsq", bits=10),
    "fsq-large": partial(create_quantizer, "fsq", levels=(16,) * 12),
    "fvq": partial(create_quantizer, "fvq", bits=10, dim=4, hidden_dim=16, depth=1),
    "gq": partial(create_quantizer, "gq", bits=11, dim=4),
    "gumbel": partial(create_quantizer, "gumbel", bits=10, dim=4),
    "gumbel-one-hot": partial(create_quantizer, "gumbel", bits=6, one_hot=True, kl_warmup=0.1),
    "ibq": partial(create_quantizer, "ibq", bits=12, dim=8),
    "lgq": partial(create_quantizer, "lgq", bits=10, dim=4),
    "lfq": partial(create_quantizer, "lfq", bits=12),
    "lfq-large": partial(create_quantizer, "lfq", bits=32),
    "multi-scale": partial(create_quantizer, "multi-scale", bits=16, dim=3),
    "multi-scale-odd": partial(create_quantizer, "multi-scale", dim=4, codebook_size=64, scales=(1, 3), phis=1),
    "none": partial(create_quantizer, "none", dim=4),
    "pq": partial(create_quantizer, "pq", bits=20, dim=2),
    "leech": partial(create_quantizer, "leech"),
    "leech-some": partial(create_quantizer, "leech", codebook_size=5000),
    "rq": partial(create_quantizer, "rq", bits=20, dim=2),
    "rq-dropout": partial(create_quantizer, "rq", bits=10, dim=8, shared=False, dropout=0.5),
    "rq-beam": partial(create_quantizer, "rq", bits=20, dim=2, beam=4),
    "rq-fsq": partial(create_quantizer, "rq", bits=24, base="fsq"),
    "simvq": partial(create_quantizer, "simvq", bits=10, dim=4),
    "vq": partial(create_quantizer, "vq", bits=10, dim=4),
    "vq-ema-sampled": partial(create_quantizer, "vq-ema", bits=4, dim=4, estimator="rotation", temperature=0.5),
    "vq-cosine": partial(create_quantizer, "vq-cosine", bits=10, dim=4),
    "vq-ema": partial(create_quantizer, "vq-ema", bits=10, dim=4),
}

FEW_CODES = ("multi-scale-odd", "rq-dropout", "vq-ema-sampled")
DOES_NOT_STAND_OUT = "codebook_size is under 192 x dim x codes_per_position: N x K would not stand out"

NOT_ASKED = {
    "positions": dict.fromkeys(("multi-scale", "multi-scale-odd"), "is_positionwise is False"),
    "idempotence": dict.fromkeys(
        (
            *("fsp", "fsq", "fsq-large", "gq", "gumbel", "gumbel-one-hot", "ibq"),
            *("multi-scale", "multi-scale-odd", "rq", "rq-beam", "rq-dropout", "rq-fsq"),
        ),
        "is_projection is False",
    ),
    "straight-through": dict.fromkeys(
        ("diveq", "gq", "gumbel", "gumbel-one-hot", "ibq", "lgq", "vq-ema-sampled"), "is_straight_through is False"
    ),
    "memory": {
        **dict.fromkeys(("gumbel", "gumbel-one-hot"), "holds_logits is True"),
        **dict.fromkeys(FEW_CODES, DOES_NOT_STAND_OUT),
    },
    "memory-of-decode": dict.fromkeys((*FEW_CODES, "gumbel-one-hot"), DOES_NOT_STAND_OUT),
    "bits": {"none": "options_for_bits ignores the bits"},
}
"""By line, the variants that it is not asked of, and what they declare that makes it so. The estimators of the methods
that have another gradient are tested with each; memory, with another variant of the method."""


def test_every_registered_quantizer_is_checked():
    assert {registration.name for registration in list_quantizers()} <= set(VARIANTS)


def test_no_line_is_left_out_silently():
    not_asked = {
        name: {variant: reason for variant, make in VARIANTS.items() if (reason := check.exempt(make()))}
        for name, check in CHECKS.items()
    }
    assert {name: variants for name, variants in not_asked.items() if variants} == NOT_ASKED


SLOW = ("compile-eval", "compile-training", "two-ranks", "unequal-ranks")  # a compiler, and processes

LINES = [
    pytest.param(check, id=name, marks=[pytest.mark.slow] if name in SLOW else []) for name, check in CHECKS.items()
]


@pytest.mark.parametrize("check", LINES)
@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS.keys())
def test_contract(make, check):
    if not check.exempt(make()):  # which are, `test_no_line_is_left_out_silently` says
        check.run(make)
