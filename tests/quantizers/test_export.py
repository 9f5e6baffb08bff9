"""`torch.export` of every quantizer: saved, loaded, and run by a Python that cannot import this package."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from quantizers import Quantizer, create_quantizer, list_quantizers

NAMES = [registration.name for registration in list_quantizers()]

OPTIONS = {
    "fvq": {"dim": 4, "hidden_dim": 16, "depth": 1},
    "gumbel": {"dim": 4},
    **{name: {"dim": 4} for name in ("diveq", "ibq", "lgq", "multi-scale", "simvq", "vq", "vq-cosine", "vq-ema")},
}

RUN = """
import sys
for name in ("quantizers", "autoencoders", "priors", "storage"):
    sys.modules[name] = None
import torch
for path in sys.argv[1:]:
    inputs = torch.load(path + ".inputs.pt")
    encode, decode = (torch.export.load(f"{path}.{name}.pt2").module() for name in ("encode", "decode"))
    codes = encode(inputs)
    torch.save([codes, decode(codes)], path + ".outputs.pt")
"""


class Encode(nn.Module):
    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self.quantizer = quantizer

    def forward(self, z: Tensor) -> Tensor:
        return self.quantizer(z).codes


class Decode(Encode):
    def forward(self, codes: Tensor) -> Tensor:
        return self.quantizer.decode(codes)


def quantizer_of(name: str) -> Quantizer:
    torch.manual_seed(0)
    quantizer = create_quantizer(name, bits=8, **OPTIONS.get(name, {}))
    quantizer(torch.randn(300, quantizer.dim, 2))  # more than there are codes, none of which are then equal
    return quantizer.eval()


def latents(quantizer: Quantizer) -> Tensor:
    return torch.randn(3, quantizer.dim, 4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_exported_quantizer_is_saved_and_loaded(name: str) -> None:
    quantizer = quantizer_of(name)
    z = latents(quantizer)
    file = io.BytesIO()
    torch.export.save(torch.export.export(quantizer, (z,)), file)
    file.seek(0)
    found, expected = torch.export.load(file).module()(z), quantizer(z)
    assert type(found) is type(expected)
    assert torch.equal(found.codes, expected.codes)
    torch.testing.assert_close(found.quantized, expected.quantized)
    torch.testing.assert_close(found.loss, expected.loss)
    assert found.stats.keys() == expected.stats.keys()


@pytest.mark.slow
def test_exported_programs_run_without_this_package(tmp_path: Path) -> None:
    expected = {}
    for name in NAMES:
        quantizer = quantizer_of(name)
        z = latents(quantizer)
        codes = quantizer(z).codes
        batch = {0: torch.export.Dim("batch", min=2, max=64)}
        for part, given in ((Encode(quantizer), z), (Decode(quantizer), codes)):
            program = torch.export.export(part.eval(), (given,), dynamic_shapes=(batch,))
            torch.export.save(program, tmp_path / f"{name}.{type(part).__name__.lower()}.pt2")
        other = torch.cat([z, z[:2]])  # another batch than the one that was traced
        torch.save(other, tmp_path / f"{name}.inputs.pt")
        expected[name] = quantizer(other)
    paths = [str(tmp_path / name) for name in NAMES]
    subprocess.run([sys.executable, "-c", RUN, *paths], check=True, cwd=tmp_path, timeout=300)
    for name in NAMES:
        codes, decoded = torch.load(tmp_path / f"{name}.outputs.pt")
        assert torch.equal(codes, expected[name].codes), name
        torch.testing.assert_close(decoded, expected[name].quantized)
