"""Priors on the token sets of `python -m benchmarks.tokens`."""

import shutil
from pathlib import Path

from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.tokens import __main__ as tokens


def test_token_sets_with_classes(generate, stored, fsq: Path, classes: tuple[str, ...]) -> None:
    assert generate("--run", fsq, *classes, "--generation.sampling.guidance", 2) == 0
    path, record, _ = stored(fsq.parent)
    assert record.classes == 2
    assert record.class_names == ["cat", "dog"]
    assert len(read_arrays(path)["image/nll_bits"]) == 6
    assert len(read_arrays(path)["train/nll_bits"]) == 24


def test_token_sets_of_other_classes(generate, fsq: Path, generation_home: Path, tmp_path: Path, capsys) -> None:
    sets = {"train": generation_home / "pictures", "test": tmp_path / "others"}
    for kind in ("dog", "eel"):
        shutil.copytree(generation_home / "pictures" / "dog", tmp_path / "others" / kind)
    with torch_threads(1):
        for part, source in sets.items():
            about = ["--run", fsq, "--data", source, "--part", part, "--output", tmp_path / part, "--cpu", "--classes"]
            assert tokens.main([*map(str, about)]) == 0
    assert generate("--run", fsq, "--train-tokens", tmp_path / "train", "--test-tokens", tmp_path / "test") == 2
    assert "have other classes, or in another order" in capsys.readouterr().err


def test_another_tokenizers_token_set(generate, runs: Path, generation_home: Path, tmp_path: Path, capsys) -> None:
    (rq,), (fsq,) = runs.glob("rq-*.json"), runs.glob("fsq-*.json")
    source = str(generation_home / "pictures")
    with torch_threads(1):
        assert tokens.main(["--run", str(rq), "--data", source, "--output", str(tmp_path / "t"), "--cpu"]) == 0
    capsys.readouterr()
    assert generate("--run", fsq, "--train-tokens", tmp_path / "t", "--test-tokens", tmp_path / "t") == 2
    assert "the codes of another tokenizer" in capsys.readouterr().err
