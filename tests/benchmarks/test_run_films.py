"""The main command on films as a user runs it: rows beside codecs, strips and a moving film, kills, ranks, mistakes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from film_files import grey_film
from PIL import Image
from random_codecs import randomize
from three_ways import Start, three_ways

from autoencoders.pretrained import Films, registry
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.vidtok import published
from autoencoders.video.sizes import VidTokConfig
from benchmarks.data.films import open_films, opening
from benchmarks.data.machine import torch_threads
from benchmarks.evaluate.__main__ import main as evaluate
from benchmarks.export.__main__ import main as export
from benchmarks.metrics.pictures import to_unit_range
from benchmarks.protocols.video.measured import PROTOCOL
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record, read_record
from benchmarks.run import main
from benchmarks.tokens import __main__ as tokens
from benchmarks.training.loading import LoadedRun, load_run
from benchmarks.training.stored import configuration, open_own_data
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet

SMOKE = ["--preset", "video-smoke", "--cpu"]
FEW = ["--data.limit-train", "4", "--data.limit-test", "2"]


def _record(folder: Path, quantizer: str) -> tuple[Path, Record]:
    (path,) = folder.rglob(f"{quantizer}-10bit-*.json")
    return path, read_record(path)


def _run_here(*words: str) -> int:
    with torch_threads(1):
        return main(words)


def test_the_main_job_on_films(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for the quantizer and each baseline, a picture, a moving film, and a run that is read back as it was."""
    words = [*SMOKE, *FEW, "--quantizer", "fsq", "--output", str(tmp_path / "runs")]
    assert _run_here(*words) == 0
    shown = capsys.readouterr().out
    for text in ("block-mean", "pca", "kmeans", "h264 crf=18", "hevc crf=39", "av1 crf=59", "fsq"):
        assert text in shown
    for text in ("PSNR", "flicker", "kbit/s", "bpp", "frames/s", "64 clips of films"):
        assert text in shown
    assert "img/s" not in shown
    path, record = _record(tmp_path / "runs", "fsq")
    assert (record.protocol, record.signal, record.training.images) == (PROTOCOL, "films", 64)
    assert record.metrics["bpp"] == pytest.approx(np.log2(record.quantizer.codebook_size) * 3 * 16 / (9 * 32 * 32))
    assert {"reconstruction", "perceptual", "temporal", "generator", "discriminator"} <= record.training.losses.keys()
    arrays = read_arrays(path)
    assert arrays["samples/original"].shape == arrays["samples/reconstruction"].shape == (2, 3, 9, 32, 32)
    assert arrays["frame/psnr"].shape == (2, 9)
    assert arrays["clip/flicker"].shape == (2,)
    assert float(arrays["samples/rate"]) == record.data["frames_per_second"] == 12
    assert Image.open(path.with_suffix(".webp")).n_frames == 9
    assert Image.open(path.with_suffix(".png")).height > 256
    assert (path.parent / "comparison.png").is_file()
    kmeans = _record(tmp_path / "runs", "kmeans")[1]
    assert kmeans.metrics["kbps"] == pytest.approx(10 * 3 * 16 / (9 / 12) / 1000)  # as many blocks as positions

    run = load_run(path)
    config = configuration(path, record).settings.data
    assert open_own_data(path, record, config).record == record.data
    clip = open_films(config).test[0]
    assert np.array_equal(arrays["samples/original"][0], clip.numpy())
    with torch.no_grad():
        signal = to_unit_range(clip.movedim(1, 0)).movedim(0, 1)[None]
        made = run.tokenizer(signal).reconstruction[0].clamp(-1, 1)
    kept = torch.from_numpy(arrays["samples/reconstruction"][0]).float() / 127.5 - 1
    torch.testing.assert_close(made, kept, rtol=0, atol=1 / 127)
    run.save_pretrained(tmp_path / "saved")
    again = LoadedRun.from_pretrained(tmp_path / "saved")
    assert torch.equal(again.tokenizer.encode(signal)[0], run.tokenizer.encode(signal)[0])
    card = (tmp_path / "saved" / "README.md").read_text()
    for text in ("A tokenizer of films", "video-tokenizer", "(B, 3, frames, H, W)", "clips of 9 frames of 32 px"):
        assert text in card

    assert _run_here(*words) == 0
    assert "done already" in capsys.readouterr().out

    others = tmp_path / "others"
    for number in range(3):  # in another shape, at a lower rate than the clips have
        grey_film(others / f"{number}.mp4", 12, height=40, width=50 + 2 * number, rate=10)
    words = [str(path), "--data", str(others), "--output", str(tmp_path / "evaluated"), "--cpu"]
    assert evaluate(words) == 0
    assert "trained on moving-photographs" in capsys.readouterr().out
    (found,) = (tmp_path / "evaluated").rglob("*.json")
    measured = read_record(found)
    assert (measured.protocol, measured.data["test"]["clips"]) == (PROTOCOL, 3)
    assert (measured.data["clip_frames"], measured.data["trained_on"]["name"]) == (9, "moving-photographs")
    assert len(read_arrays(found)["clip/psnr"]) == 3
    assert Image.open(found.with_suffix(".webp")).n_frames > 1
    assert evaluate([*words, "--explain"]) == 2
    assert "--explain is for tokenizers of pictures" in _said(capsys.readouterr().err)


def test_a_published_tokenizer_is_measured_and_its_codes_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small VidTok, of random weights, on clips of its own length, size and rate."""
    config = VidTokConfig(version="1.1", width=4, multipliers=(1, 1, 1), halving=(0, 1), doubling=(0, 1), blocks=1)
    tokenizer = randomize(published(config, 3))
    about = {"codes": "512", "paper": "paper", "licence": "MIT", "source": "page", "verified": None}
    small = Pretrained(name="small", load=lambda _: tokenizer, signals=Films(16, 5, 8, config.stride), **about)
    monkeypatch.setattr(registry, "ZOO", (small,))
    weights, films = tmp_path / "small.ckpt", tmp_path / "films"
    weights.touch()
    for number in range(2):
        grey_film(films / f"{number}.mp4", 12, height=20, width=24, rate=8)
    model = ["--model", "small", "--checkpoint", str(weights), "--data", str(films)]
    with torch_threads(1):
        assert evaluate([*model, "--output", str(tmp_path / "evaluated"), "--cpu"]) == 0
        assert tokens.main([*model, "--part", "all", "--output", str(tmp_path / "codes"), "--cpu"]) == 0
    shown = _said(capsys.readouterr().out)
    for text in ("4 clips of 2 films, all", "trained elsewhere", "stored: 4 films, 34 ids each"):
        assert text in shown
    (path,) = (tmp_path / "evaluated").rglob("*.json")
    record = read_record(path)
    assert (record.protocol, record.signal, record.preset) == (PROTOCOL, "films", "elsewhere")
    assert (record.data["frame_size"], record.data["clip_frames"], record.data["frames_per_second"]) == (16, 5, 8)
    assert record.config["model"]["strides"] == [4, 4, 4]
    assert record.metrics["bpp"] == pytest.approx(9 * 2 * 4 * 4 / (5 * 16 * 16))
    stored = TokenSet.open(tmp_path / "codes", fingerprint(tokenizer))
    assert stored.contents.grids == ((2, 4, 4),)
    for command in (evaluate, tokens.main):
        assert command([*model, "--image-size", "16", "--output", str(tmp_path / "other")]) == 2
        assert "--image-size is for pictures: small codes films (5 frames of 16 px)" in _said(capsys.readouterr().err)
    assert export([*model, "--output", str(tmp_path / "exported")]) == 2
    assert "small codes films (5 frames of 16 px), and this command takes pictures" in _said(capsys.readouterr().err)


def test_a_codec_is_no_worse_at_more_bits(tmp_path: Path) -> None:
    words = [*SMOKE, *FEW, "--quantizer", "h264", "kmeans", "--bits", "2", "5"]
    assert _run_here(*words, "--output", str(tmp_path / "runs")) == 0
    records = [read_record(path) for path in (tmp_path / "runs").rglob("*-seed0-*.json")]
    h264 = {each.config["options"]["crf"]: each.metrics for each in records if each.quantizer.name == "h264"}
    kmeans = {each.config["bits"]: each.metrics for each in records if each.quantizer.name == "kmeans"}
    assert h264.keys() == {18, 25, 32, 39}
    assert h264[18]["psnr"] > h264[39]["psnr"]
    assert h264[18]["kbps"] > h264[39]["kbps"]
    assert kmeans[5]["psnr"] > kmeans[2]["psnr"]
    assert not list((tmp_path / "runs").rglob("h264*.safetensors"))


@pytest.mark.slow
def test_killed_and_on_two_ranks_it_is_the_same_run(tmp_path: Path, start: Start) -> None:
    """The discriminator of space and time goes on from the checkpoint exactly; two ranks differ by the sums' order."""
    words = [*SMOKE, *FEW, "--train.images", "160", "--checkpoint-every", "2"]
    one, two = three_ways(tmp_path, start, "vq-ema", words)
    assert two.metrics["psnr"] == pytest.approx(one.metrics["psnr"], abs=0.3)


def _said(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--quantizer", "kmeans", "--bits", "33"], "kmeans needs --bits, from 1 to 14"),
        (["--data.clip-frames", "8"], "8 frames of 32 px are not of 1 + k · 4 frames"),
        (["--data.frame-size", "30"], "multiples of 8 px"),
        (["--data.frames-per-second", "0"], "frames_per_second"),
        (["--loss.reconstruction", "logit-laplace"], "the backbone dvae's, not for magvit2"),
        (["--i3d", "nowhere.pt"], "there is no file nowhere.pt"),
        (["--model.strides", "2", "2"], "strides"),
    ],
)
def test_mistakes_are_sentences(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = _run_here(*SMOKE, *words)
    except SystemExit as stopped:
        code = stopped.code
    said = capsys.readouterr()
    assert code == 2
    assert expected in _said(said.err + said.out)
    assert "Traceback" not in said.err


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    assert _run_here(*SMOKE) == 2
    assert "films need av: pip install 'quantizer-zoo-benchmark[video]'" in _said(capsys.readouterr().err)
