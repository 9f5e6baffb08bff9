"""Files are whole or not there."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from storage.whole_files import replacing


def test_a_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    for text in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(text)
            assert path.exists() == (text == "new")
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_and_fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk"):
        write_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_a_library_writes_for_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "weights.safetensors") as temporary:
        save_file({"weight": torch.zeros(1)}, temporary)
        temporary.chmod(0o600)  # as some versions of that library leave it
    assert (tmp_path / "weights.safetensors").stat().st_mode == (tmp_path / "usual").stat().st_mode
