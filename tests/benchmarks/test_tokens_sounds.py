"""Codes of sounds by the command: those that the tokenizer gives of each, whole, and a way back to sound."""

import json
from pathlib import Path

import pytest
import soundfile
import torch

from benchmarks.data.machine import torch_threads
from benchmarks.protocols.audio.coded import with_whole_strides
from benchmarks.tokens.__main__ import main
from benchmarks.training.loading import load_run
from benchmarks.training.signals.sounds import Sounds
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet

Captured = pytest.CaptureFixture[str]


def command(*words: object) -> int:
    with torch_threads(1):
        return main([*map(str, words), "--cpu"])


def test_codes_are_those_of_the_tokenizer_and_decode_to_its_sound(
    speech_run: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = ["--run", speech_run, "--data", speech, "--output", tmp_path / "codes", "--part", "all"]
    assert command(*words) == 0
    assert "stored: 10 sounds, ids of several lengths" in " ".join(capsys.readouterr().out.split())
    run = load_run(speech_run)
    stored = TokenSet.open(tmp_path / "codes", fingerprint(run.tokenizer))
    assert stored.names([0, 9]) == ["0.wav", "9.wav"]
    assert stored.contents.data["sounds"] == 10
    assert (stored.contents.data["sample_rate"], stored.contents.data["crop"]) == (16_000, "whole")
    lengths = set()
    for number in range(10):
        sound = torch.from_numpy(soundfile.read(speech / f"{number}.wav", dtype="float32")[0])[None]
        with torch.no_grad(), torch_threads(1):
            whole = run.tokenizer(with_whole_strides(run.tokenizer, sound))
            again = run.tokenizer.decode(stored.codes([number]))
        assert torch.equal(stored.codes([number])[0], whole.codes[0])
        torch.testing.assert_close(again, whole.reconstruction)
        lengths.add(stored.codes([number])[0].shape[2])
    assert lengths == {50, 53}  # 16,000 and 16,801 samples at a stride of 320
    index = json.loads((tmp_path / "codes" / "index.json").read_text())
    assert index["maps"] == [{"name": "codes", "grid": [None]}]
    assert index["ids"]["ids_per_image"] is None
    assert command(*words) == 0
    assert "done already: 10 sounds" in capsys.readouterr().out


def test_a_killed_command_goes_on_after_the_last_whole_file(
    speech_run: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(Sounds, "shard_items", 4)
    words = ["--run", speech_run, "--data", speech, "--part", "all", "--batch-size", 1]
    assert command(*words, "--output", tmp_path / "whole") == 0
    assert command(*words, "--output", tmp_path / "killed") == 0
    for name in ("index.json", "codes-00002.safetensors"):
        (tmp_path / "killed" / name).unlink()
    capsys.readouterr()
    assert command(*words, "--output", tmp_path / "killed") == 0
    assert "8 of 10 sounds are stored already" in capsys.readouterr().out
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes()


def test_mistakes_are_sentences(speech_run: Path, speech: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["--run", speech_run, "--data", speech, "--output", tmp_path / "codes"]
    assert command(*words, "--classes") == 2
    assert "--classes is for pictures" in " ".join(capsys.readouterr().err.split())
