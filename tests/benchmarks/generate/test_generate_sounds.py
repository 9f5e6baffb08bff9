"""A prior on the codes of sounds by the command: its bits, and sounds to listen to."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from benchmarks.compare import Arguments, main as compare
from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.records.priors import Generation, read_prior
from benchmarks.report.__main__ import main as report
from benchmarks.report.pictures import sound_uri
from benchmarks.training.loading import load_run

Generate = Callable[..., int]
Stored = Callable[[Path], Generation]
Captured = pytest.CaptureFixture[str]

CROP = 3_840
"""Samples of the preset speech-smoke's training crops: 12 positions."""


def test_bits_are_those_of_the_middle_of_each_sound(
    speech_run: Path, speech: Path, tmp_path: Path, generate: Generate, stored: Stored, capsys: Captured
) -> None:
    assert generate("--run", speech_run, "--wav", tmp_path / "drawn") == 0
    path, record, sampling = stored(speech_run.parent)
    assert (record.preset, record.layout["grids"]) == ("speech-smoke", [[12]])
    run = load_run(speech_run)
    assert run.prior is not None
    bits = []
    for number in (0, 5):  # every fifth tests
        sound, _ = soundfile.read(speech / f"{number}.wav", dtype="float32")
        start = (len(sound[:16_000]) - CROP) // 2  # the preset tests on the first second
        crop = torch.from_numpy(sound[start : start + CROP])[None, None]
        with torch.no_grad(), torch_threads(1):
            tokens = run.prior.layout.to_tokens(run.tokenizer.encode(crop))
            logits = run.prior(tokens).log_softmax(-1)
        bits.append(-float(logits.gather(-1, tokens.unsqueeze(-1)).sum()) / math.log(2))
    arrays = read_arrays(path)
    np.testing.assert_allclose(arrays["sound/nll_bits"], bits, rtol=1e-4)
    assert len(arrays["train/nll_bits"]) == 8
    assert record.metrics["nll_bits"] == pytest.approx(np.mean(bits), rel=1e-4)
    assert record.metrics["nll_kbps"] == pytest.approx(np.mean(bits) / (CROP / 16_000) / 1000, rel=1e-4)
    assert set(record.metrics) == {"nll_bits", "nll_kbps", "train_nll_bits", "nll_gap"}

    assert (sampling.generated, sampling.references, sampling.metrics) == (4, 0, {})
    assert sampling.speed["generated_realtime"] > 0
    samples = read_arrays(path.parent / f"{sampling.id}.json")
    assert (samples["samples"].shape, samples["samples"].dtype) == ((4, 1, CROP), np.int16)
    assert samples["rate"] == 16_000
    assert Image.open(path.parent / f"{sampling.id}.png").width > 256
    assert sorted(file.name for file in (tmp_path / "drawn").iterdir()) == [f"0000{number}.wav" for number in range(4)]
    for number, expected in enumerate(samples["samples"]):
        found, rate = soundfile.read(tmp_path / "drawn" / f"0000{number}.wav", dtype="int16")
        assert rate == 16_000
        np.testing.assert_array_equal(found, expected[0])
    tokens = run.prior.sample(4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), torch_threads(1):
        again = run.tokenizer.decode(run.prior.layout.to_codes(tokens)).clamp(-1, 1) * (2**15 - 1)
    np.testing.assert_allclose(samples["samples"], again.round().numpy(), atol=1)

    run.save_pretrained(tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "New sounds of the prior on its codes" in card
    assert "pipeline_tag: audio-to-audio" in card

    shown = capsys.readouterr().out
    assert "modelled kbit/s" in shown
    assert "img/s" not in shown
    assert generate("--run", speech_run, "--wav", tmp_path / "drawn") == 0  # the same again
    assert "done already" in capsys.readouterr().out
    (tmp_path / "drawn" / "other.wav").touch()
    assert generate("--run", speech_run, "--wav", tmp_path / "drawn") == 2
    assert "other.wav, of something else, lies there" in " ".join(capsys.readouterr().err.split())
    assert compare(Arguments((speech_run.parent,), columns=("kbps", "nll_kbps", "generated_realtime"))) == 0
    assert "sampled × real time" in capsys.readouterr().out
    assert report(["--output", str(tmp_path / "report.html"), str(speech_run.parent)]) == 0
    html = (tmp_path / "report.html").read_text()
    assert "The first sounds that each prior drew, not chosen." in html
    assert sound_uri(samples["samples"][3], 16_000) in html


@pytest.mark.parametrize("order", ["flatten", "delay"])
def test_other_orders_of_codes(speech_run: Path, generate: Generate, stored: Stored, order: str) -> None:
    assert generate("--run", speech_run, f"--{order}", "--generation.count", 2) == 0
    path, record, sampling = stored(speech_run.parent)
    assert record.changes == {order: True}
    assert record.layout[order]
    assert record.metrics["nll_bits"] > 0
    assert read_prior(path).settings == record.settings
    run = load_run(speech_run)
    assert run.prior is not None
    assert run.prior.layout.steps == {"flatten": 24, "delay": 13}[order]
    assert sampling.generated == 2


def test_mistakes_are_sentences(speech_run: Path, tmp_path: Path, generate: Generate, capsys: Captured) -> None:
    for words, said in (
        (["--flatten", "--delay"], "two orders of a position's codes: give one of them"),
        (["--delay", "--prior", "maskgit"], "which a maskgit does not have"),
        (
            ["--train-tokens", "a", "--test-tokens", "b"],
            "a tokenizer of sounds, where token sets to train on are of pictures",
        ),
        (["--data", "nowhere"], "nowhere"),
    ):
        assert generate("--run", speech_run, *words) == 2
        error = " ".join(capsys.readouterr().err.split())
        assert said in error
        assert "Traceback" not in error
