"""`python -m quantizers.testing NAME --bits B` on the zoo's own defaults."""

import sys
from itertools import product

import pytest

from quantizers import create_quantizer, list_quantizers
from quantizers.testing import CHECKS
from quantizers.testing.__main__ import main

RATES = (4, 6, 8, 10, 14)

MINUTES = [(name, 14) for name in ("diveq", "fvq", "gumbel", "ibq", "lgq", "vq", "vq-ema")]
"""What takes so long with as many codes of the default width: each line starts codebooks anew."""

COMPILED = 10
"""The rate at which compiling is asked too: a graph is the same at any."""

ASKED_IN_TEST_CONTRACT = ("compile-training", "two-ranks", "unequal-ranks")
"""Lines that take most of the time, and that do not depend on the rate."""

NAMES = [entry.name for entry in list_quantizers()]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bits"), [case for case in product(NAMES, RATES) if case not in MINUTES])
def test_defaults_keep_the_contract_also_compiled(
    name: str, bits: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["quantizers.testing", name, "--bits", str(bits)])
    for line in ASKED_IN_TEST_CONTRACT + (() if bits == COMPILED else ("compile-eval",)):
        monkeypatch.delitem(CHECKS, line)
    status, said = main(), capsys.readouterr()
    assert status == 0, "\n".join(line for line in said.out.splitlines() if not line.startswith("ok "))


def test_every_name_is_made_at_each_of_these_rates_or_says_why_not() -> None:
    for name in NAMES:
        for bits in RATES:
            quantizer = create_quantizer(name, bits=bits)
            assert name == "none" or abs(quantizer.bits_per_position - bits) < 0.1
