"""Codes of a data set by the command: those that the tokenizer gives, also after a kill; mistakes in a sentence."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from killed import kill_at_call
from PIL import Image
from safetensors.torch import save_file

from autoencoders import BlockMean
from autoencoders.pretrained import registry
from autoencoders.pretrained.model import Pictures, Pretrained
from benchmarks.data import DataConfig, centre_crop, open_data, to_rgb, to_tensor
from benchmarks.data.machine import torch_threads
from benchmarks.metrics.pictures import to_unit_range
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.records.record import Record, read_record, write_record
from benchmarks.tokens import __main__ as tokens, command as work, opening
from benchmarks.tokens.arguments import Format
from benchmarks.training.arguments import parse
from benchmarks.training.models import make_tokenizer
from benchmarks.training.planning import plan
from benchmarks.training.settings import run_id, settings_digest
from benchmarks.training.signals.pictures import Pictures as PictureSignal
from benchmarks.training.trained import trained_tokenizer
from priors.fingerprint import fingerprint
from priors.token_index import ShardFormat
from priors.token_set import TokenSet

Command = Callable[..., int]


WORDS = ("--preset", "smoke", "--quantizer", "rq", "--options", "codes_per_position=2", "codebook_size=64", "--bits")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/train/ and pictures/val/, a folder for each class."""
    folder = tmp_path_factory.mktemp("home")
    random = np.random.default_rng(0)
    for number in range(36):
        part, kind = ("val" if number % 3 == 0 else "train"), ("cat", "dog")[number // 2 % 2]
        coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
        (folder / "pictures" / part / kind).mkdir(parents=True, exist_ok=True)
        coarse.resize((70, 50), Image.Resampling.BICUBIC).save(folder / "pictures" / part / kind / f"{number:02}.png")
    return folder


@pytest.fixture
def rq(home: Path, tmp_path: Path, make_record: Callable[..., Record]) -> Path:
    """A stored run of rq, hardly trained, and beside it the baseline's."""
    source = str(home / "pictures")
    baseline, *_, config = plan(parse([*WORDS, "--data", source]))
    data = {"name": "pictures", "source": source, "fingerprint": "f", "image_size": 32}
    for run in (baseline, config):
        about = {"config": json.loads(json.dumps(asdict(run))), "data": data, "preset": "smoke"}
        record = make_record(**about, id=run_id(run, settings_digest(run.settings, PROTOCOL, "f")))
        path = tmp_path / "runs" / f"{record.id}.json"
        write_record(path, record, {})
    tokenizer = make_tokenizer(config)
    with torch_threads(1):
        tokenizer(torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)  # starts the codebook
    save_file(dict(tokenizer.state_dict()), path.with_suffix(".safetensors"), metadata={"run": record.id})
    return path


@pytest.fixture
def command(home: Path) -> Command:
    def call(*words: object) -> int:
        with torch_threads(1):
            return tokens.main([*map(str, words), "--data", str(home / "pictures"), "--cpu"])

    return call


@pytest.fixture
def mean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of weights for the published tokenizer "mean", block means of stride 8."""
    known = {
        "signals": Pictures(32, 8),
        "codes": "256",
        "paper": "A. Nyone 2020",
        "licence": "MIT",
        "source": "example.org, mean.ckpt",
    }
    model = Pretrained(name="mean", load=lambda _: BlockMean(8).eval(), verified=None, **known)
    monkeypatch.setattr(registry, "ZOO", (model,))
    (tmp_path / "mean.ckpt").touch()
    return tmp_path / "mean.ckpt"


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.parametrize("part", ["train", "test"])
def test_codes_are_those_of_the_tokenizer(home: Path, rq: Path, command: Command, tmp_path: Path, part: str) -> None:
    assert command("--run", rq, "--output", tmp_path / "codes", "--part", part, "--classes", "--batch-size", 5) == 0
    tokenizer = trained_tokenizer(rq, read_record(rq))
    stored = TokenSet.open(tmp_path / "codes", fingerprint(tokenizer))
    paths = sorted((home / "pictures" / {"train": "train", "test": "val"}[part]).rglob("*.png"))
    everything = range(len(paths))
    assert stored.names(everything) == [path.relative_to(home / "pictures").as_posix() for path in paths]
    assert stored.contents.classes == ("cat", "dog")
    assert stored.labels(everything).tolist() == [("cat", "dog").index(path.parent.name) for path in paths]
    crops = torch.stack([to_tensor(centre_crop(to_rgb(Image.open(path)), 32)) for path in paths])
    with torch.no_grad(), torch_threads(1):
        (expected,) = tokenizer.encode(to_unit_range(crops))
    (found,) = stored.codes(everything)
    assert found.shape == (len(paths), 2, 4, 4)
    assert (found == expected).float().mean() > 0.999  # a batch of another size may round another way
    assert len(found.unique()) > 8


@pytest.mark.parametrize(("part", "stored"), [("train", 28), ("test", 8), ("all", 36)])
def test_of_a_folder_without_a_split_the_screen_says_what_is_stored(
    home: Path, mean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str, stored: int
) -> None:
    folder = tmp_path / "a:b"  # a colon makes no data set by name of a folder
    folder.mkdir()
    (folder / "pictures").symlink_to(home / "pictures", target_is_directory=True)
    words = ["--model", "mean", "--checkpoint", mean, "--output", tmp_path / "codes", "--part", part, "--classes"]
    with torch_threads(1):
        assert tokens.main([*map(str, words), "--data", str(folder), "--cpu"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"a-b: {stored} pictures, {'all' if part == 'all' else f'those that {part} (every fifth'}" in shown
    assert f"stored: {stored} pictures" in shown
    found = TokenSet.open(tmp_path / "codes")
    assert len(found) == stored
    assert found.contents.classes == ("pictures",)
    assert found.contents.data["part"] == part


def test_classes_of_shards_are_labels(home: Path, mean: Path, tmp_path: Path) -> None:
    """Also where a part lacks some of them."""
    pictures = sorted((home / "pictures").rglob("*.png"))
    (tmp_path / "shards").mkdir()
    for part, numbers in (("train", range(12)), ("val", range(12, 15))):
        with tarfile.open(tmp_path / "shards" / f"{part}-000.tar", "w") as tar:
            for number in numbers:
                tar.add(pictures[number], f"{number:02}.png")
                label = tarfile.TarInfo(f"{number:02}.cls")
                label.size = 1
                tar.addfile(label, io.BytesIO(b"%d" % (number % 4)))
    for part, numbers in (("train", range(12)), ("test", range(12, 15))):
        words = ["--model", "mean", "--checkpoint", mean, "--output", tmp_path / part, "--part", part, "--classes"]
        with torch_threads(1):
            assert tokens.main([*map(str, words), "--data", str(tmp_path / "shards"), "--cpu"]) == 0
        found = TokenSet.open(tmp_path / part)
        assert found.contents.classes == ("0", "1", "2", "3")
        assert found.labels(range(len(found))).tolist() == [number % 4 for number in numbers]


def test_the_data_are_named_as_an_evaluation_names_them(home: Path, rq: Path, command: Command, tmp_path: Path) -> None:
    assert command("--run", rq, "--output", tmp_path / "codes", "--part", "test") == 0
    about = TokenSet.open(tmp_path / "codes").contents
    data = open_data(DataConfig(str(home / "pictures"), 32))
    assert about.data["fingerprint"] == data.record["test"]["fingerprint"]
    assert (about.data["name"], about.data["part"], about.data["pictures"]) == ("pictures", "test", 12)
    assert about.tokenizer == rq.stem
    assert about.classes == ()
    assert (about.codes_per_position, about.codebook_size, about.grids) == (2, 64, ((4, 4),))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork of this process")
def test_a_killed_command_goes_on(
    rq: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--run", rq, "--batch-size", 4]
    monkeypatch.setattr(PictureSignal, "shard_items", 9)
    kill_at_call(monkeypatch, os, "fsync", 3, lambda: command(*words, "--output", tmp_path / "killed"))
    for left in (tmp_path / "killed").glob(".codes-00002.safetensors.*.tmp"):
        left.rename(left.with_name(".codes-00002.safetensors.1.tmp"))
    assert sorted(digests(tmp_path / "killed")) == [
        ".codes-00002.safetensors.1.tmp",
        "codes-00000.safetensors",
        "codes-00001.safetensors",
    ]
    capfd.readouterr()
    assert command(*words, "--output", tmp_path / "killed") == 0
    assert "16 of 24 pictures are stored already" in capfd.readouterr().out  # shards of whole batches: 8 pictures
    assert command(*words, "--output", tmp_path / "whole") == 0
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert command(*words, "--output", tmp_path / "whole") == 0
    assert "done already: 24 pictures, 34 ids each" in capfd.readouterr().out


@pytest.mark.parametrize("shard_format", [of for of in get_args(ShardFormat) if of != "safetensors"])
def test_files_of_another_format_also_when_one_lacks(
    mean: Path, command: Command, tmp_path: Path, shard_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_args(Format) == get_args(ShardFormat)
    monkeypatch.setattr(PictureSignal, "shard_items", 9)
    words = ["--model", "mean", "--checkpoint", mean, "--batch-size", 4, "--classes"]
    other = [*words, "--format", shard_format, "--output", tmp_path / "other"]
    assert command(*words, "--output", tmp_path / "plain") == 0
    assert command(*other) == 0
    before = digests(tmp_path / "other")
    for name in sorted(before)[1:]:  # all but the first file of codes
        (tmp_path / "other" / name).unlink()
    assert command(*other) == 0
    assert digests(tmp_path / "other") == before
    plain, found = TokenSet.open(tmp_path / "plain"), TokenSet.open(tmp_path / "other")
    everything = range(24)
    assert torch.equal(plain.codes(everything)[0], found.codes(everything)[0])
    assert torch.equal(plain.labels(everything), found.labels(everything))
    assert plain.names(everything) == found.names(everything)
    assert command(*words, "--output", tmp_path / "other") == 2  # as safetensors


def test_a_published_tokenizer(
    mean: Path, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "mean", "--checkpoint", mean, "--output", tmp_path / "codes", "--image-size", 40, "--limit", 7]
    assert command(*words, "--id-offset", 1000) == 0
    assert "mean is not verified" in capsys.readouterr().err
    stored = TokenSet.open(tmp_path / "codes", fingerprint(BlockMean(8)))
    assert len(stored) == 7
    assert stored.contents.grids == ((5, 5),)
    assert stored.contents.codes_per_position == 3
    assert stored.contents.id_offset == 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which tokenizer? Give either --run RUN.json, or --model NAME"),
        (["--run", "{rq}", "--model", "mean"], "which tokenizer?"),
        (["--run", "nowhere.json"], "nowhere.json does not exist"),
        (["--run", "{runs}"], "2 stored runs in"),
        (["--run", "{rq}", "--image-size", "64"], "--image-size is for --model"),
        (["--run", "{rq}", "--checkpoint", "{rq}"], "--checkpoint is the file of a published tokenizer"),
        (["--run", "{rq}", "--output", "{runs}"], "has other things in it"),
        (["--model", "mean"], "--checkpoint PATH is missing"),
        (["--model", "other"], "there is no published tokenizer 'other'"),
        (["--model", "mean", "--checkpoint", "{rq}", "--image-size", "36"], "multiples of the strides 8 × 8"),
        (["--run", "{rq}", "--data", "photographs", "--classes"], "the bundled photographs have no classes"),
        (["--run", "{rq}", "--data", "{cats}", "--classes"], "lies in no folder of its class"),
        (["--run", "{rq}", "--data", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_bad_flags(
    words: list[str], message: str, home: Path, rq: Path, mean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"rq": rq, "runs": rq.parent, "cats": home / "pictures" / "train" / "cat"}
    given = [word.format(**known) for word in words]
    for flag, value in (("--data", home / "pictures"), ("--output", tmp_path / "codes")):
        given += [] if flag in given else [flag, str(value)]
    assert tokens.main([*given, "--cpu"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "error: " in said
    assert not list((tmp_path / "codes").glob("*"))


def test_wrong_codes_in_the_folder(rq: Path, mean: Path, command: Command, tmp_path: Path, capsys) -> None:
    assert command("--run", rq, "--output", tmp_path / "codes") == 0
    assert command("--run", rq, "--output", tmp_path / "codes", "--part", "test") == 2
    assert command("--model", "mean", "--checkpoint", mean, "--output", tmp_path / "codes") == 2
    assert " ".join(capsys.readouterr().err.split()).count("made otherwise than asked for now") == 2
    shard = tmp_path / "codes" / "codes-00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert command("--run", rq, "--output", tmp_path / "codes") == 2
    assert "damaged" in capsys.readouterr().err


def test_no_codebook_is_a_wrong_tokenizer(mean: Path, command: Command, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(opening, "has_codebook", lambda _: False)
    assert command("--model", "mean", "--checkpoint", mean, "--output", tmp_path / "codes") == 2
    assert "has no codebook" in capsys.readouterr().err


def test_stopped_by_hand(rq: Path, command: Command, tmp_path: Path, monkeypatch, capsys) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work, "make", stop)
        assert command("--run", rq, "--output", tmp_path / "codes") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert command("--run", rq, "--output", tmp_path / "codes") == 0
