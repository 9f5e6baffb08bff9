"""Pictures as files of codes, as a user makes and reads them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from autoencoders.extents import encode_any
from benchmarks import load_run
from benchmarks.data.machine import torch_threads
from benchmarks.data.transforms import to_rgb, to_tensor
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.protocols.compression.pictures import PictureCodec
from priors.code_file import CodeFiles
from priors.code_models import FixedLength

Run = Callable[[str], Path]
Compress = Callable[..., int]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("words", [[], ["--fixed-length"], ["--prior", "gpt"]], ids=["histogram", "fixed", "prior"])
def test_pictures_of_odd_sizes_come_back_as_they_are_evaluated(
    words: list[str], compress_home: Path, run_of: Run, compress: Compress, tmp_path: Path
) -> None:
    pictures = sorted(compress_home.glob("*x*.png"))
    assert compress("encode", *pictures, "--run", run_of("fsq"), "-o", tmp_path / "files", *words) == 0
    files = sorted((tmp_path / "files").glob("*.qz"))
    prior = [word for word in words if word != "--fixed-length"]
    assert compress("decode", *files, "--run", run_of("fsq"), "-o", tmp_path / "back", *prior) == 0
    tokenizer = load_run(run_of("fsq")).tokenizer
    for picture in pictures:
        original = to_tensor(Image.open(picture)).unsqueeze(0)
        height, width = original.shape[2:]
        rows, columns = (-(-side // tokenizer.strides[0]) * tokenizer.strides[0] for side in (height, width))
        padding = (0, columns - width, 0, rows - height)
        padded = torch.nn.functional.pad(to_unit_range(original), padding, mode="replicate")
        with torch.no_grad(), torch_threads(1):
            decoded = to_uint8(tokenizer.decode(tokenizer.encode(padded)))[0, :, :height, :width]
            expected = to_uint8(tokenizer(padded).reconstruction)[0, :, :height, :width]
        found = torch.from_numpy(pixels(tmp_path / "back" / picture.name)).permute(2, 0, 1)
        assert torch.equal(found, decoded)
        # Processors choose convolutions by how numbers lie in memory: of ten thousand one rounds to its neighbour.
        apart = (found.int() - expected.int()).abs()
        assert apart.max() <= 1
        assert (apart > 0).float().mean() <= 1e-4


@pytest.mark.slow
def test_another_process_with_other_threads_decodes_the_same(
    compress_home: Path, run_of: Run, compress: Compress, tmp_path: Path
) -> None:
    picture = compress_home / "200x131.png"
    run = ["--run", str(run_of("fsq")), "--prior", "gpt", "--cpu"]
    assert compress("encode", picture, *run[:-1], "-o", tmp_path) == 0
    for threads in ("1", "2"):
        words = ["decode", str(tmp_path / "200x131.qz"), *run, "-o", str(tmp_path / threads)]
        command = [sys.executable, "-m", "benchmarks.compress", *words]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": threads}, timeout=120)
    assert (tmp_path / "1" / "200x131.png").read_bytes() == (tmp_path / "2" / "200x131.png").read_bytes()


def test_grey_stays_grey_and_transparency_lies_over_white(run_of: Run, compress: Compress, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for name, shape in {"grey": (20, 30), "transparent": (20, 30, 4)}.items():
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    to_rgb(Image.open(tmp_path / "transparent.png")).save(tmp_path / "over_white.png")
    files = [tmp_path / f"{name}.png" for name in ("grey", "transparent", "over_white")]
    assert compress("encode", *files, "--run", run_of("fsq"), "-o", tmp_path) == 0
    encoded = [path.with_suffix(".qz") for path in files]
    assert encoded[1].read_bytes() == encoded[2].read_bytes()
    assert compress("decode", *encoded, "--run", run_of("fsq"), "-o", tmp_path / "back") == 0
    assert Image.open(tmp_path / "back" / "grey.png").mode == "L"
    assert Image.open(tmp_path / "back" / "transparent.png").mode == "RGB"


def test_what_cannot_be_done_is_named_and_the_rest_is_done(
    compress_home: Path, run_of: Run, compress: Compress, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.png").write_text("no picture")
    picture = compress_home / "61x40.png"
    words = ["--run", run_of("fsq"), "-o", tmp_path]
    assert compress("encode", tmp_path / "words.png", picture, tmp_path / "none.png", *words) == 1
    said = capsys.readouterr()
    assert "words.png: not a picture" in said.err
    assert "none.png: No such file" in said.err
    assert "bits per pixel" in said.out
    before = (tmp_path / "61x40.qz").read_bytes()
    assert compress("encode", picture, *words) == 1
    assert "is there already; give --force" in capsys.readouterr().err
    assert compress("encode", picture, *words, "--force") == 0
    assert (tmp_path / "61x40.qz").read_bytes() == before
    other = tmp_path / "other"
    other.mkdir()
    Image.open(picture).save(other / "61x40.png")
    assert compress("encode", picture, other / "61x40.png", *words, "--force") == 1
    assert "several files would become 61x40.qz" in capsys.readouterr().err
    (tmp_path / "cut.qz").write_bytes(before[:-3])
    assert compress("decode", tmp_path / "cut.qz", tmp_path / "61x40.qz", *words) == 1
    assert "cut.qz: cut or altered" in capsys.readouterr().err
    assert (tmp_path / "61x40.png").exists()
    assert not (tmp_path / "cut.png").exists()


@pytest.mark.parametrize(
    ("quantizer", "words", "sentence"),
    [
        ("none", [], "has no codebook"),
        ("rq", ["--prior", "gpt"], "has no prior gpt: train one by python -m benchmarks.generate"),
        ("fsq", ["--prior", "gpt", "--fixed-length"], "give one"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(
    quantizer: str,
    words: list[str],
    sentence: str,
    compress_home: Path,
    run_of: Run,
    compress: Compress,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture = compress_home / "61x40.png"
    assert compress("encode", picture, "--run", run_of(quantizer), "-o", tmp_path / "files", *words) == 2
    assert sentence in capsys.readouterr().err


def test_files_of_another_run_or_prior_are_refused(
    compress_home: Path, run_of: Run, compress: Compress, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = compress_home / "61x40.png"
    assert compress("encode", picture, "--run", run_of("fsq"), "-o", tmp_path) == 0
    assert compress("decode", tmp_path / "61x40.qz", "--run", run_of("rq"), "-o", tmp_path) == 1
    assert "made by another tokenizer" in capsys.readouterr().err
    assert compress("encode", picture, "--run", run_of("fsq"), "-o", tmp_path, "--prior", "gpt", "--force") == 0
    assert compress("decode", tmp_path / "61x40.qz", "--run", run_of("fsq"), "-o", tmp_path) == 1
    assert "coded under a prior: say which by --prior" in capsys.readouterr().err


def test_codes_in_the_file_are_the_tokenizers_own(compress_home: Path, run_of: Run) -> None:
    tokenizer = load_run(run_of("rq")).tokenizer
    picture = Image.open(compress_home / "61x40.png")
    data = PictureCodec(tokenizer, FixedLength()).encode(picture)
    (found,) = CodeFiles(tokenizer, FixedLength()).read(data).codes
    (expected,) = encode_any(tokenizer, to_unit_range(to_tensor(picture).unsqueeze(0)))
    assert torch.equal(found, expected)
