"""Sounds of Hugging Face data sets, offline: as `save_to_disk` writes them, and in parquet files as on the hub."""

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.data import training_batches
from benchmarks.data.config import DataError
from benchmarks.data.sounds import SoundConfig, open_sounds, open_test_sounds, opening
from benchmarks.data.sounds.reading import read_sound, to_signal

datasets = pytest.importorskip("datasets")


@pytest.fixture
def stored(tone):
    """Makes the bytes of a sound of a number: its format, rate and channels are others from one to the next."""

    def make(number: int) -> bytes:
        rate, channels = (16_000, 8_000, 44_100)[number % 3], 1 + number % 2
        kind = ("WAV", "FLAC", "OGG", "MP3")[number % 4]
        with io.BytesIO() as file:
            soundfile.write(file, tone(0.5 + 0.1 * number, rate, channels, 200 + 50 * number), rate, format=kind)
            return file.getvalue()

    return make


def rows(contents: list[dict | None], column: str = "audio") -> Any:
    """A data set of sounds as the package stores them; to encode them itself it wants another package."""
    as_stored = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    features = datasets.Features({"words": datasets.Value("string"), column: as_stored})
    columns = {"words": ["a"] * len(contents), column: contents}
    return datasets.Dataset.from_dict(columns, features=features).cast_column(column, datasets.Audio())


@pytest.fixture
def split(stored):
    """Makes a data set of the sounds from one number to before another."""
    return lambda first, last: rows([{"bytes": stored(number), "path": None} for number in range(first, last)])


def config(source: Path | str, tmp_path: Path, **fields) -> SoundConfig:
    given = {"crop_samples": 4000, "workers": 0, "root": tmp_path / "cache", **fields}
    return SoundConfig(source=str(source), **given)


def names(sounds) -> list[str]:
    return [sounds.name(number) for number in range(len(sounds))]


@pytest.mark.parametrize("channels", [1, 2])
def test_sounds_are_what_their_files_are(tmp_path: Path, split, stored, console, channels: int) -> None:
    """At rates that differ from row to row, in stereo too: the package itself mixes that down."""
    split(0, 6).save_to_disk(str(tmp_path / "saved"))
    test = open_test_sounds(config(tmp_path / "saved", tmp_path, channels=channels), console=console).test
    assert names(test) == [f"rows[{number}]" for number in range(6)]
    for number in range(6):
        expected = to_signal(read_sound(io.BytesIO(stored(number))), 16_000, channels)
        np.testing.assert_array_equal(test[number].numpy(), expected)


def test_bytes_and_paths_both_occur(tmp_path: Path, stored, console) -> None:
    (tmp_path / "loose").write_bytes(stored(1))
    both = [{"bytes": stored(0), "path": "elsewhere.wav"}, {"bytes": None, "path": str(tmp_path / "loose")}]
    table = datasets.table.InMemoryTable.from_pydict({"audio": both})
    datasets.Dataset(table).cast_column("audio", datasets.Audio()).to_parquet(str(tmp_path / "set" / "train.parquet"))
    data = open_test_sounds(config(f"huggingface:{tmp_path / 'set'}", tmp_path), console=console)
    assert names(data.test) == ["train[0]", "train[1]"]
    assert data.record["test"]["skipped"] == {}
    (tmp_path / "loose").unlink()
    data = open_test_sounds(config(f"huggingface:{tmp_path / 'set'}", tmp_path), console=console)
    assert data.record["test"]["skipped"] == {"train[1]": "No such file or directory"}


def test_splits_of_what_was_saved(tmp_path: Path, split, console) -> None:
    saved = tmp_path / "saved"
    datasets.DatasetDict(train=split(0, 4), validation=split(4, 6), test=split(6, 9)).save_to_disk(str(saved))
    data = open_sounds(config(saved, tmp_path), console)
    assert data.words == "saved: 4 sounds to train on, 3 to test on (train trains, test tests; not taken: validation)"
    everything = open_test_sounds(config(saved, tmp_path), "all", console).test
    assert names(everything) == [*(f"train[{n}]" for n in range(4)), *(f"test[{n}]" for n in range(3))]
    assert torch.equal(everything[5], data.test[1])
    chosen = open_sounds(config(f"{saved}#train,validation", tmp_path), console)
    assert (chosen.record["name"], len(chosen.test)) == ("saved-train-validation", 2)
    alone = open_sounds(config(f"{saved}#validation", tmp_path), console)
    assert alone.record["split"].startswith("every fifth sound by number is test")
    assert (len(alone.train), names(alone.test)) == (1, ["validation[0]"])
    with pytest.raises(DataError, match="saved' has no split valid, only train, validation, test: #TRAIN,TEST chooses"):
        open_sounds(config(f"{saved}#train,valid", tmp_path), console)


def test_parquet_files_as_the_hub_has_them_are_what_was_saved(tmp_path: Path, split, console) -> None:
    parts = {"train": split(0, 5), "test": split(5, 7)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    for name, part in parts.items():
        part.to_parquet(str(tmp_path / "set" / f"{name}-00000-of-00001.parquet"))
    sources = (tmp_path / "saved", f"huggingface:{tmp_path / 'set'}", f"huggingface:{tmp_path / 'set'}:audio")
    records = [open_sounds(config(source, tmp_path), console).record for source in sources]
    assert records[0]["test"] == records[1]["test"] == records[2]["test"]
    assert records[0]["train"] == records[1]["train"] == records[2]["train"]
    assert (tmp_path / "cache").is_dir()


def test_crops_are_the_same_from_memory_and_from_files(
    tmp_path: Path, split, console, monkeypatch: pytest.MonkeyPatch
) -> None:
    split(0, 10).save_to_disk(str(tmp_path / "saved"), num_shards=2)
    in_memory = open_sounds(config(tmp_path / "saved", tmp_path), console)
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    streamed = open_sounds(config(tmp_path / "saved", tmp_path, workers=2), console)
    assert (len(streamed.train), streamed.train.decoded) == (8, None)
    assert streamed.record["fingerprint"] == in_memory.record["fingerprint"]
    assert torch.equal(*(torch.stack(list(training_batches(data, 6, 3, 0, 4))) for data in (in_memory, streamed)))


def test_broken_rows_are_named(tmp_path: Path, stored, console) -> None:
    whole = stored(1)
    contents = [whole, b"junk", whole[: len(whole) // 2], b"", None]
    rows([None if content is None else {"bytes": content, "path": None} for content in contents]).save_to_disk(
        str(tmp_path / "saved")
    )
    data = open_test_sounds(config(tmp_path / "saved", tmp_path), console=console)
    assert names(data.test) == ["rows[0]"]
    assert data.record["test"]["skipped"] == {
        "rows[1]": "no sound in a known format, or damaged at its begin",
        "rows[2]": "Error : flac decoder lost sync.",
        "rows[3]": "the file is empty",
        "rows[4]": "the row is empty",
    }
    assert "left out 4 unusable sounds" in console.file.getvalue()


def test_a_column_can_be_chosen_and_must_be_of_sounds(tmp_path: Path, split, stored, console) -> None:
    two = split(0, 5).add_column("noisy", split(5, 10).data.column("audio").to_pylist())
    two = two.cast_column("noisy", datasets.Audio())
    two.save_to_disk(str(tmp_path / "saved"))
    source = f"huggingface:{tmp_path / 'saved'}"
    first, second = (
        open_test_sounds(config(f"{source}{column}", tmp_path), console=console).test for column in ("", ":noisy")
    )
    np.testing.assert_array_equal(first[0].numpy(), to_signal(read_sound(io.BytesIO(stored(0))), 16_000, 1))
    np.testing.assert_array_equal(second[0].numpy(), to_signal(read_sound(io.BytesIO(stored(5))), 16_000, 1))
    with pytest.raises(DataError, match="no column words: its columns of sounds are audio, noisy, of all words, audio"):
        open_sounds(config(f"{source}:words", tmp_path), console)
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(str(tmp_path / "texts"))
    with pytest.raises(DataError, match="has no column of sounds: its columns of sounds are none, of all text"):
        open_sounds(config(tmp_path / "texts", tmp_path), console)


def test_what_the_package_cannot_load_is_said_in_its_own_words(
    tmp_path: Path, stored, console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of loose files it makes rows by another package; that an error occurred would say nothing."""
    monkeypatch.setitem(sys.modules, "torchcodec.encoders", None)
    for number in range(2):
        path = tmp_path / "set" / "train" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored(0))
    with pytest.raises(DataError, match=r"set' could not be loaded: .*please install 'torchcodec'"):
        open_sounds(config(f"huggingface:{tmp_path / 'set'}", tmp_path), console)
    shutil.rmtree(tmp_path / "cache")
    assert len(open_test_sounds(config(tmp_path / "set", tmp_path), console=console).test) == 2  # its files as they are


def test_the_package_is_asked_for_by_name(tmp_path: Path, split, console, monkeypatch: pytest.MonkeyPatch) -> None:
    split(0, 2).save_to_disk(str(tmp_path / "saved"))
    monkeypatch.setitem(sys.modules, "datasets", None)
    for source in (tmp_path / "saved", "huggingface:speech"):
        with pytest.raises(DataError, match=r'pip install "quantizer-zoo-benchmark\[huggingface\]"'):
            open_sounds(config(source, tmp_path), console)
