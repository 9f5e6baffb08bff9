"""Exported programs: codes and pictures of the tokenizer, for every quantizer and every backbone, at any size."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_backbones import SMALL
from torch import Tensor

from autoencoders import Tokenizer, code_maps_of, create_tokenizer, programs
from autoencoders.formats import SUFFIXES
from autoencoders.programs import ProgramError, QuantizerAlone, export_program, load_program, takes_any_extent
from quantizers import create_quantizer, list_quantizers
from quantizers.registry import with_dim

FORMATS = list(SUFFIXES)

FAST = "vq-ema"
"""The others take as long, and are marked slow."""

NAMES = [
    pytest.param(entry.name, marks=() if entry.name == FAST else pytest.mark.slow)
    for entry in list_quantizers()
    if entry.name != "none"
]

TIES = 2
"""Of 3,200 codes: where a latent lies between two codes to the last digits of float32, sums in another order decide."""


def pictures(count: int, height: int = 32, width: int = 32) -> Tensor:
    """Coarse noise."""
    noise = torch.rand(count, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return noise.repeat_interleave(4, 2).repeat_interleave(4, 3)


@torch.no_grad()
def tokenizer_of(quantizer: str, backbone: str = "vqvae") -> Tokenizer:
    """Random weights, none of them zero as at the start of a training, where latents or codes may all be equal and one
    code as near as another; latents as large as a codebook's vectors, and a codebook that the first batch has started.
    """
    config = SMALL[backbone]
    torch.manual_seed(0)
    options = with_dim(quantizer, 8, {"hidden_dim": 16, "depth": 1} if quantizer == "fvq" else {}, 8)
    tokenizer = create_tokenizer(config, [create_quantizer(quantizer, bits=8, **options) for _ in code_maps_of(config)])
    for name, weight in tokenizer.named_parameters():
        weight.add_(torch.randn_like(weight), alpha=0.1)
        if name in ("quant_conv.weight", "quant_proj.weight"):
            weight.mul_(8)
    tokenizer.train()(pictures(16))
    return tokenizer.eval()


def unequal(found: tuple[Tensor, ...], expected: list[Tensor]) -> int:
    assert [one.shape for one in found] == [one.shape for one in expected]
    return sum(int((one != other).sum()) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_an_exported_encoder_gives_equal_codes(name: str, tmp_path: Path) -> None:
    tokenizer = coarse_tokenizer(name)
    given = pictures(200)
    expected = tokenizer.encode(given)
    assert len(expected[0].unique()) > 8
    for format in FORMATS:
        path = tmp_path / f"encoder{SUFFIXES[format]}"
        export_program(path, tokenizer, "encoder", format, (32, 32))
        assert unequal(load_program(path)(given), expected) <= TIES, format


def coarse_tokenizer(name: str) -> Tokenizer:
    """A map of 4 × 4 for each picture: 3,200 codes of 200."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SMALL, "vqvae", replace(SMALL["vqvae"], downsamplings=3))
        return tokenizer_of(name)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", SMALL)
@torch.no_grad()
def test_all_parts_of_every_backbone_export(backbone: str, tmp_path: Path) -> None:
    """At sizes and in batches that were not traced, also a single picture at the size that the tables are for."""
    tokenizer = tokenizer_of("fsq", backbone)
    sizes = [(1, 32, 32), (3, 48, 64)] if takes_any_extent(tokenizer) else [(1, 32, 32), (3, 32, 32)]
    for part in ("encoder", "decoder", "both"):
        export_program(tmp_path / f"{part}.onnx", tokenizer, part, "onnx", (32, 32))
        run = load_program(tmp_path / f"{part}.onnx")
        for size in sizes:
            given = pictures(*size)
            codes = tokenizer.encode(given)
            if part == "encoder":
                assert unequal(run(given), codes) <= TIES
            else:
                (found,) = run(*codes) if part == "decoder" else run(given)
                torch.testing.assert_close(found, tokenizer.decode(codes), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@torch.no_grad()
def test_exported_programs_run_without_this_package(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("rq")
    given = pictures(3)
    torch.save(given, tmp_path / "given.pt")
    for format in FORMATS:
        export_program(tmp_path / f"both{SUFFIXES[format]}", tokenizer, "both", format, (32, 32))
    code = """
import sys
for name in ("quantizers", "autoencoders", "priors", "storage"):
    sys.modules[name] = None
import onnxruntime, torch
given = torch.load("given.pt")
(torch_export,) = torch.export.load("both.pt2").module()(given)
(onnx,) = onnxruntime.InferenceSession("both.onnx").run(None, {"signal": given.numpy()})
torch.save([torch_export, torch.from_numpy(onnx)], "found.pt")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=300)
    for found in torch.load(tmp_path / "found.pt"):
        torch.testing.assert_close(found, tokenizer(given).reconstruction, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_an_exported_quantizer_alone(tmp_path: Path) -> None:
    """Beside it, that the names and the axes of a program are what they are called here."""
    import onnxruntime

    alone = QuantizerAlone(create_quantizer("lfq", bits=12)).eval()
    latents = torch.randn(5, 12, 3, 7)
    for part in ("encoder", "decoder"):
        export_program(tmp_path / f"{part}.onnx", alone, part, "onnx", (16, 16))
    (codes,) = load_program(tmp_path / "encoder.onnx")(latents)
    assert torch.equal(codes, alone.quantizer(latents).codes)
    (decoded,) = load_program(tmp_path / "decoder.onnx")(codes)
    assert torch.equal(decoded, alone.quantizer(latents).quantized)
    (taken,) = onnxruntime.InferenceSession(tmp_path / "encoder.onnx").get_inputs()
    assert (taken.name, taken.shape) == ("signal", ["batch", 12, "height", "width"])
    assert programs.names(alone, "decoder") == (("codes",), ("reconstruction",))


@torch.no_grad()
def test_an_exported_quantizer_whose_maps_have_sizes_takes_one_extent(tmp_path: Path) -> None:
    alone = QuantizerAlone(create_quantizer("multi-scale", dim=4, codebook_size=16, scales=(1, 2), phis=0)).eval()
    assert not takes_any_extent(alone)
    export_program(tmp_path / "encoder.pt2", alone, "encoder", "torch-export", (4, 6))
    run = load_program(tmp_path / "encoder.pt2")
    latents = torch.randn(7, 4, 4, 6)
    assert torch.equal(run(latents)[0], alone.quantizer(latents).codes)
    with pytest.raises((RuntimeError, AssertionError)):
        run(torch.randn(7, 4, 8, 6))


def test_what_cannot_be_exported_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "encoder.onnx"
    with pytest.raises(ProgramError, match="bits of 32-bit floats"):
        export_program(path, QuantizerAlone(create_quantizer("none", dim=4)), "encoder", "onnx", (4, 4))

    class Looks(QuantizerAlone):
        def latent(self, signal: Tensor) -> Tensor:
            return signal if signal.sum() > 0 else -signal

    looks = Looks(create_quantizer("fsq", bits=8)).eval()
    with pytest.raises(ProgramError, match=r"the encoder cannot be exported as torch-export: .+"):
        export_program(tmp_path / "encoder.pt2", looks, "encoder", "torch-export", (4, 4))
    monkeypatch.setattr(programs, "ONNX_PACKAGES", ("onnxruntime", "not_installed"))
    with pytest.raises(ProgramError, match=r"ONNX needs not_installed: pip install .*\[onnx\]"):
        export_program(path, QuantizerAlone(create_quantizer("fsq", bits=8)), "encoder", "onnx", (4, 4))
    assert not list(tmp_path.iterdir())
