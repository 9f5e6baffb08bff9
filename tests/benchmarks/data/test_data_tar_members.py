"""What lies in tar files: links, odd names, broken members, damaged files."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from packed import link, pack, png
from PIL import Image

from benchmarks.data import DataConfig, open_evaluation_data
from benchmarks.data.sources import open_source
from benchmarks.data.tar_files import Window

Noise = Callable[..., Image.Image]


def config(source: Path | str, **fields) -> DataConfig:
    return DataConfig(source=str(source), image_size=32, **fields)


def names(pictures) -> list[str]:
    return [pictures.name(index) for index in range(len(pictures))]


def test_links_lead_to_members_only(tmp_path: Path, noise: Noise, console) -> None:
    (tmp_path / "secret.png").write_bytes(png(noise(seed=9)))
    members: dict[str, bytes | tarfile.TarInfo] = {
        "a/0.png": png(noise(seed=0)),
        "b/hard.png": link("b/hard.png", "a/0.png", tarfile.LNKTYPE),
        "b/soft.png": link("b/soft.png", "../a/0.png", tarfile.SYMTYPE),
        "b/twice.png": link("b/twice.png", "soft.png", tarfile.SYMTYPE),
        "b/out.png": link("b/out.png", str(tmp_path / "secret.png"), tarfile.SYMTYPE),
        "b/up.png": link("b/up.png", "../../secret.png", tarfile.SYMTYPE),
        "b/circle.png": link("b/circle.png", "circle.png", tarfile.SYMTYPE),
        "b/device.png": link("b/device.png", "", tarfile.CHRTYPE),
    }
    data = open_evaluation_data(config(pack(tmp_path / "x" / "links.tar", members)), console=console)
    assert names(data.test.pictures) == ["a/0.png", "b/hard.png", "b/soft.png", "b/twice.png"]
    assert all(torch.equal(data.test[0], data.test[number]) for number in range(4))
    skipped = data.record["test"]["skipped"]
    assert sorted(skipped) == ["b/circle.png", "b/out.png", "b/up.png"]
    assert skipped["b/up.png"] == "a link to ../../secret.png, which is not in the tar file"


def test_odd_names_are_read_and_nothing_is_unpacked(
    tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    odd = [
        "../above.png",
        "/tmp/absolute.png",
        "./plain.png",
        "w/../w/x.png",
        os.fsdecode(b"caf\xe9.png"),
        "n" * 300 + ".png",
    ]
    hidden = ["._plain.png", ".git/x.png", "__MACOSX/._x.png"]
    members: dict[str, bytes | tarfile.TarInfo] = {name: png(noise()) for name in odd + hidden}
    monkeypatch.chdir(tmp_path / "here")
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        before = sorted(tmp_path.rglob("*"))
        tar = pack(tmp_path / "odd.tar", members, format=kind, encoding="utf-8", errors="surrogateescape")
        record = open_evaluation_data(config(tar)).record
        found = names(open_source(config(tar)).part("all"))
        assert sorted(found) == sorted(["../above.png", "/tmp/absolute.png", "plain.png", "w/x.png", *odd[4:]])
        assert record["test"]["pictures"] == len(odd)
        assert set(tmp_path.rglob("*")) - set(before) <= {tar}
    assert open_source(config(tar)).part("all").class_of(found.index("/tmp/absolute.png")) == "tmp"


def test_the_member_that_stands_last_counts(tmp_path: Path, noise: Noise) -> None:
    """As for who unpacks: `tar -r` brings a file up to date so."""
    tar = pack(tmp_path / "a.tar", {"a.png": png(noise(seed=0))})
    with tarfile.open(tar, "a") as more:
        info = tarfile.TarInfo("a.png")
        info.size = len(png(noise(seed=1)))
        more.addfile(info, io.BytesIO(png(noise(seed=1))))
    with open_source(config(tar)).part("all").open(0) as picture:
        assert picture.tobytes() == noise(seed=1).tobytes()


def test_broken_members_are_named(tmp_path: Path, noise: Noise, console) -> None:
    whole = png(noise())
    members = {"a.png": whole, "b.png": b"", "c.png": b"junk", "d.png": whole[:600], "e.txt": b"a text"}
    data = open_evaluation_data(config(pack(tmp_path / "broken.tar", members)), console=console)
    assert len(data.test) == 1
    skipped = data.record["test"]["skipped"]
    assert skipped.keys() == {"b.png", "c.png", "d.png"}
    assert (skipped["b.png"], skipped["c.png"]) == ("the file is empty", "no picture in a known format")
    assert "left out 3 unusable pictures" in console.file.getvalue()


def headers(tar: Path) -> list[int]:
    with tarfile.open(tar) as opened:
        return [member.offset for member in opened]


@pytest.mark.parametrize(
    ("where", "lost", "reason"),
    [
        ("in the last header", 1, "cut off"),
        ("in the last picture", 1, "cut off"),
        ("before the end mark", 0, "cut off"),
        ("a header in the middle", 3, "damaged here, at byte"),
    ],
)
def test_a_damaged_file_gives_what_can_be_read(
    tmp_path: Path, noise: Noise, console, where: str, lost: int, reason: str
) -> None:
    content = {f"c/{number}.png": png(noise(seed=number)) for number in range(6)}
    tar = pack(tmp_path / "set" / "0.tar", content)  # type: ignore[arg-type]
    pack(tmp_path / "set" / "1.tar", {"c/whole.png": png(noise())})
    places, whole = headers(tar), tar.read_bytes()
    end = places[-1] + 512 + -(-len(content["c/5.png"]) // 512) * 512
    tar.write_bytes(
        {
            "in the last header": whole[: places[-1] + 100],
            "in the last picture": whole[: places[-1] + 1000],
            "before the end mark": whole[:end],
            "a header in the middle": whole[: places[3]] + b"\xff" * 512 + whole[places[3] + 512 :],
        }[where]
    )
    for data, record in (
        (open_evaluation_data(config(tmp_path / "set"), console=console), "test"),
        (open_evaluation_data(config(tar)), "test"),
    ):
        skipped = data.record[record]["skipped"]
        (rest,) = (name for name in skipped if name.endswith("c/(what follows)"))
        assert reason in skipped[rest]
        assert sum("what follows" not in name for name in skipped) == (where == "in the last picture")
    assert len(data.test) == 6 - lost
    assert "0.tar/c/(what follows)" in console.file.getvalue()
    assert open_source(config(tar)).class_names() == ("c",)


@pytest.mark.skipif(sys.platform != "linux", reason="needs GNU tar and a file system with holes")
def test_a_member_with_holes_is_named(tmp_path: Path, noise: Noise) -> None:
    noise().save(tmp_path / "a.png")
    with (tmp_path / "b.bmp").open("wb") as file:
        file.truncate(1 << 20)
    subprocess.run(["tar", "cSf", "holes.tar", "a.png", "b.bmp"], cwd=tmp_path, check=True)
    skipped = open_evaluation_data(config(tmp_path / "holes.tar")).record["test"]["skipped"]
    assert skipped == {"b.bmp": "stored with holes: pack it without --sparse"}


def test_a_window_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(100)))
    with Window(tmp_path / "file", 10, 20) as window:
        assert window.read() == bytes(range(10, 30))
        assert (window.seek(-5, io.SEEK_END), window.read(3), window.tell()) == (15, bytes(range(25, 28)), 18)
        assert (window.seek(40), window.read()) == (40, b"")
    assert window.closed
