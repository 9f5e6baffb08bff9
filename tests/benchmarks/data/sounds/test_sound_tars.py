"""Sounds in tar files: packed folders and shards are the sounds that they hold, by the rules of pictures."""

import subprocess
from pathlib import Path

import pytest
import torch
from packed import pack

from benchmarks.data import training_batches
from benchmarks.data.config import DataError
from benchmarks.data.sounds import SoundConfig, open_sounds, open_test_sounds, opening


def config(source: Path | str, **fields) -> SoundConfig:
    return SoundConfig(source=str(source), **{"crop_samples": 4000, "workers": 0, **fields})


def names(sounds) -> list[str]:
    return [sounds.name(number) for number in range(len(sounds))]


@pytest.fixture
def shards(folder: Path, tmp_path: Path) -> Path:
    """The twelve sounds in three shards, with texts and labels beside them."""
    for place in range(3):
        members: dict = {}
        for path in sorted((folder / f"speaker{place}").iterdir()):
            members |= {path.name: path.read_bytes(), f"{path.stem}.txt": b"words", f"{path.stem}.cls": b"3"}
        pack(tmp_path / "shards" / f"set-{place:03}.tar", members)
    return tmp_path / "shards"


@pytest.mark.parametrize("split", [False, True])
def test_a_packed_folder_is_the_folder(folder: Path, tmp_path: Path, console, split: bool) -> None:
    """The same record, so that a run on one is done already on the other: names, split, bytes."""
    if split:
        for old, new in (("speaker0", "train"), ("speaker1", "test"), ("speaker2", "val")):
            (folder / old).rename(folder / new)
    tar = tmp_path / "sounds.tar"
    subprocess.run(["tar", "cf", tar, "-C", folder, "."], check=True)
    for fields in ({}, {"limit_train": 3, "limit_test": 2}):
        loose, packed = (open_sounds(config(source, **fields), console).record for source in (folder, tar))
        assert loose.pop("source") != packed.pop("source")
        assert loose == packed
    for part in ("train", "test", "all"):
        one, other = (open_test_sounds(config(source), part, console).record for source in (folder, tar))
        assert one["fingerprint"] == other["fingerprint"]
    if split:
        assert names(open_sounds(config(f"{tar}#train,test"), console).test)[0] == "test/04.flac"


def test_shards_by_folder_and_pattern_give_the_sounds(shards: Path, folder: Path, console) -> None:
    sources = [shards, shards / "set-{000..002}.tar", shards / "set-*.tar"]
    records = [open_sounds(config(source), console).record for source in sources]
    assert len({record["fingerprint"] for record in records}) == 1
    assert [record["name"] for record in records] == ["shards", "set-000..002", "set"]
    packed, loose = (open_test_sounds(config(source), console=console).test for source in (shards, folder))
    assert names(packed)[4:6] == ["set-001.tar/04.flac", "set-001.tar/05.ogg"]
    assert all(torch.equal(packed[number], loose[number]) for number in range(12))


def test_any_sound_at_any_time_from_several_processes(shards: Path, console, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = open_sounds(config(shards), console)
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    streamed = open_sounds(config(shards, workers=2), console)
    assert streamed.train.decoded is None
    crops = [torch.stack(list(training_batches(data, 6, 3, 0, 4))) for data in (in_memory, streamed)]
    assert torch.equal(*crops)


def test_splits_of_shards_stand_in_their_names(shards: Path, console) -> None:
    for number, split in enumerate(("train", "val", "test")):
        (shards / f"set-00{number}.tar").rename(shards / f"{split}-0.tar")
    assert open_sounds(config(shards), console).words.endswith("(train/ trains, val/ tests; not taken: test/)")
    assert names(open_sounds(config(f"{shards}#train,test"), console).test)[0] == "test-0.tar/08.ogg"
    with pytest.raises(DataError, match="has no split validation, only train, val, test: #TRAIN,TEST chooses two"):
        open_sounds(config(f"{shards}#train,validation"), console)


def test_what_cannot_be_used_is_left_out_by_name(folder: Path, tmp_path: Path, console) -> None:
    flac, ogg = ((folder / "speaker0" / name).read_bytes() for name in ("01.flac", "02.ogg"))
    members: dict = {
        "a.flac": flac,
        "b.flac": flac[: len(flac) // 2],
        "c.ogg": ogg[: len(ogg) // 2],
        "d.wav": b"",
        "e.mp3": b"no sound",
        "f.png": b"a picture",
        "._a.flac": flac,
        "z.ogg": ogg,
    }
    tar = pack(tmp_path / "broken.tar", members)
    whole = tar.read_bytes()
    tar.write_bytes(whole[: whole.rindex(b"OggS")])
    data = open_test_sounds(config(tar), console=console)
    assert names(data.test) == ["a.flac"]
    skipped = data.record["test"]["skipped"]
    assert skipped.keys() == {"b.flac", "c.ogg", "d.wav", "e.mp3", "z.ogg", "(what follows)"}
    assert skipped["d.wav"] == "the file is empty"
    assert "cut off" in skipped["(what follows)"]
    assert "left out 6 unusable sounds" in console.file.getvalue()


def test_tar_files_without_sounds_are_said_in_a_sentence(tmp_path: Path, console) -> None:
    with pytest.raises(DataError, match=r"no sounds in .*pictures\.tar$"):
        open_sounds(config(pack(tmp_path / "pictures.tar", {"a.png": b"a picture"})), console)
    (tmp_path / "wrong.tar").write_bytes(b"no tar file at all" * 100)
    with pytest.raises(DataError, match=r"no sounds in .*wrong.tar: wrong.tar: no tar file that can be read"):
        open_sounds(config(tmp_path / "wrong.tar"), console)
