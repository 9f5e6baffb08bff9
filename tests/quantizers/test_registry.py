"""Finding quantizers: names, plug-ins, options, rates."""

import subprocess
import sys

import pytest

import quantizers
from quantizers import create_quantizer, list_quantizers, quantizer_options
from quantizers.zoo import ZOO

PLUGIN = '''
"""A quantizer outside the repository."""
import torch
from quantizers import Quantizer, RowOutput
from quantizers.estimators import straight_through
from quantizers.options import check_integer


class Rounding(Quantizer):
    """Rounds to sixteen integers."""

    is_projection = True

    def __init__(self, *, dim: int = 1):
        check_integer("dim", dim, 1, 100)
        super().__init__(dim=dim, codebook_size=16, codes_per_position=dim)

    def quantize_rows(self, rows):
        quantized = rows.detach().clamp(-8, 7).round()
        return RowOutput(straight_through(rows, quantized), (quantized + 8).long(), rows.sum() * 0, {})

    def decode_rows(self, codes):
        return codes.float() - 8


class Incomplete(torch.nn.Module):
    """Keeps no contract."""


not_a_class = 3
'''

NAMES = [
    "bsq",
    "diveq",
    "fsp",
    "fsq",
    "fvq",
    "gq",
    "gumbel",
    "ibq",
    "leech",
    "lfq",
    "lgq",
    "multi-scale",
    "none",
    "pq",
    "rq",
    "simvq",
    "vq",
    "vq-cosine",
    "vq-ema",
]


def test_the_zoo():
    assert [registration.name for registration in list_quantizers()] == NAMES
    for registration in list_quantizers():
        assert registration.description
        assert "\n" not in registration.description


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bits", [6, 10, 12])
def test_same_rate(name, bits):
    rate = create_quantizer(name, bits=bits).bits_per_position
    assert rate == 512 if name == "none" else rate == pytest.approx(bits, abs=0.1)


@pytest.mark.parametrize(("typed", "meant"), [("fqs", "'fsq'"), ("vq_ema", "'vq-ema'"), ("gumble", "'gumbel'")])
def test_unknown_name_has_the_nearest(typed, meant):
    with pytest.raises(ValueError, match=f"unknown quantizer '{typed}': did you mean .*{meant}"):
        create_quantizer(typed)


def test_unknown_option_lists_those_there_are():
    with pytest.raises(ValueError, match=r"no option 'size': its options are .*codebook_size"):
        create_quantizer("vq", size=3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rq", {"bits": 11, "codes_per_position": 2}, r"11 cannot be split .*: codes_per_position can be 1, 11"),
        ("rq", {"bits": "ten"}, "bits must be an integer"),
        ("vq", {"bits": 60}, "bits must be an integer from 0 to 26"),
        ("vq", {"bits": 10, "codebook_size": 512}, "bits=10 already fixes codebook_size"),
        ("vq", {"codebook_size": 0}, "codebook_size must be an integer"),
        ("vq-ema", {"decay": 2.0}, "decay must be a number from 0 to 1"),
        ("vq-ema", {"dim": 2.5}, "dim must be an integer"),
        ("gumbel", {"temperature_end": 0}, "temperature_end"),
        ("none", {"dim": -1}, "dim must be an integer from 1"),
    ],
)
def test_options_that_cannot_work(name, options, message):
    with pytest.raises(ValueError, match=message):
        create_quantizer(name, **options)


def test_rq_splits_bits():
    assert create_quantizer("rq", bits=10).codes_per_position == 2
    assert create_quantizer("rq", bits=9).codes_per_position == 3
    assert create_quantizer("rq", bits=12, codes_per_position=4).codebook_size == 8


def test_options_and_their_defaults():
    options = quantizer_options("vq")
    assert options["dim"].default == 256
    assert "dim" not in quantizer_options("fsq")


def test_a_name_is_taken_once_and_every_class_can_be_imported_by_its_own() -> None:
    assert len({entry.name for entry in ZOO}) == len({entry.place for entry in ZOO}) == len(ZOO)
    for entry in ZOO:
        name = entry.place.partition(":")[2]
        assert getattr(quantizers, name) is entry.quantizer
        assert name in quantizers.__all__
    assert quantizers.base.Quantizer is quantizers.Quantizer


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    name = f"plugin_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_module_and_class(plugin):
    assert create_quantizer(f"{plugin}:Rounding", dim=2).dim == 2
    with pytest.raises(ValueError, match="cannot be made for a given number of bits"):
        create_quantizer(f"{plugin}:Rounding", bits=10)
    with pytest.raises(ValueError, match=r"does not keep the quantizer contract: it has no dim"):
        create_quantizer(f"{plugin}:Incomplete")
    with pytest.raises(ValueError, match=r"no torch.nn.Module class 'not_a_class'"):
        create_quantizer(f"{plugin}:not_a_class")
    with pytest.raises(ValueError, match="cannot import module 'no_such_module_here'"):
        create_quantizer("no_such_module_here:Thing")


def test_entry_point_of_an_installed_package(plugin, tmp_path):
    metadata = tmp_path / "plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[quantizer_zoo_benchmark]\nrounding = {plugin}:Rounding\nbroken = {plugin}:Nothing\n"
    )
    assert create_quantizer("rounding", dim=3).dim == 3
    with pytest.warns(UserWarning, match="entry point 'broken'"):
        listed = {registration.name: registration.description for registration in list_quantizers()}
    assert listed["rounding"] == "Rounds to sixteen integers."
    with pytest.raises(ValueError, match="did you mean 'rounding'"):
        create_quantizer("roundin")


@pytest.mark.slow
def test_contract_command_from_the_current_directory(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "quantizers.testing", "mine:Rounding", "dim=2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "ok     two-ranks" in done.stdout
    unknown = subprocess.run([*command[:3], "mine:Nothing"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    assert "no torch.nn.Module class 'Nothing'" in unknown.stderr
