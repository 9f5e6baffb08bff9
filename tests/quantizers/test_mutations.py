"""Every line of the contract can fail: quantizers broken on purpose, each caught by its line and by no other."""

import importlib
import sys
from pathlib import Path

import pytest

from quantizers.testing import CHECKS, ContractError, check_quantizer

sys.path.append(str(Path(__file__).parent))  # the processes that a check starts import the modules by these names
broken_quantizers = importlib.import_module("broken_quantizers")
broken_in_use = importlib.import_module("broken_in_use")
sound_quantizers = importlib.import_module("sound_quantizers")

BROKEN = broken_quantizers.BROKEN

SLOW = {"compile-eval", "compile-training", "two-ranks", "unequal-ranks"}
"""Left out where nothing is expected of them: these four take longer than all others together."""


def test_each_line_has_a_quantizer_that_breaks_it():
    assert {broken.line for broken in BROKEN} == set(CHECKS)


@pytest.mark.slow
def test_the_sound_quantizers_keep_every_line_though_compiled():
    assert check_quantizer(sound_quantizers.Rounding) == {}
    exempt = check_quantizer(sound_quantizers.PlainModule)
    assert exempt == {
        "bits": "it has neither options_for_bits nor an option bits",
        "bad-options": "its constructor has no options",
    }


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.quantizer.__name__)
def test_a_broken_quantizer_is_caught(broken):
    with pytest.raises(Exception, match=broken.message):
        CHECKS[broken.line].run(broken.quantizer)
    expected = {broken.line, *broken.also}
    assert set(filter(lambda name: _fails(name, broken.quantizer), CHECKS.keys() - SLOW | expected)) == expected


def _fails(name, make):
    if CHECKS[name].exempt(make()):
        return False
    try:
        CHECKS[name].run(make)
    except Exception:
        return True
    return False


def test_check_quantizer_names_the_broken_line():
    with pytest.raises(ContractError, match=r"^decode \(decode\(codes\) == quantized in eval mode.*\): .* off by"):
        check_quantizer(broken_quantizers.WrongDecode)
    with pytest.raises(ContractError, match=r"^compile-eval \(torch.compile\(fullgraph=True\)"):
        check_quantizer(broken_in_use.BreaksTheGraph)
