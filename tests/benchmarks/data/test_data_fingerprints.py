"""By what a record knows its pictures: names and pixels, and the content of those to train on."""

import io
import os
from pathlib import Path

from hypothesis import given, strategies as st
from PIL import Image

from benchmarks.data import (
    DataConfig,
    checking,
    open_data,
)


def config(folder: Path, **fields) -> DataConfig:
    return DataConfig(source=str(folder), image_size=32, **fields)


def test_fingerprint_is_of_names_and_pixels(folder: Path, noise) -> None:
    first = open_data(config(folder)).record
    assert open_data(config(folder)).record == first
    moved = folder.rename(folder.parent / "moved elsewhere")
    second = open_data(config(moved)).record
    assert second["fingerprint"] == first["fingerprint"]
    assert second["name"] == "moved-elsewhere"
    tested = sorted(moved.rglob("*.*"))[5]
    with Image.open(tested) as picture:
        size = picture.size
    noise(*size, seed=99).save(tested)
    third = open_data(config(moved)).record
    assert third["test"]["fingerprint"] != first["test"]["fingerprint"]
    assert third["train"]["fingerprint"] == first["train"]["fingerprint"]
    assert third["fingerprint"] != first["fingerprint"]
    trained = sorted(moved.rglob("*.*"))[6]
    trained.rename(trained.with_stem(trained.stem + "x"))
    fourth = open_data(config(moved)).record
    assert fourth["train"]["fingerprint"] != third["train"]["fingerprint"]


def test_content_is_of_every_byte_of_a_small_set(tmp_path: Path, noise) -> None:
    """Also of files whose names, sizes, lengths and times are as before."""
    for number in range(3):
        noise(seed=number).save(tmp_path / f"{number}.bmp")
    before = open_data(config(tmp_path)).record
    path = tmp_path / "1.bmp"
    whole = path.read_bytes()
    for place in (60, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        now = open_data(config(tmp_path)).record
        assert now["fingerprint"] == before["fingerprint"]
        assert now["train"]["content"] != before["train"]["content"]
    path.write_bytes(whole)
    os.utime(path)
    assert open_data(config(tmp_path)).record == before


@given(most=st.sampled_from([2, 6, 8]), content=st.binary(max_size=40), other=st.binary(max_size=40))
def test_content_of_many_files_is_of_their_lengths_and_ends(most: int, content: bytes, other: bytes) -> None:
    half = most // 2
    alike = content == other or (
        len(content) == len(other) > most and (content[:half], content[-half:]) == (other[:half], other[-half:])
    )
    assert (checking.sampled(io.BytesIO(content), most) == checking.sampled(io.BytesIO(other), most)) == alike
