"""Stored records as files."""

from pathlib import Path

from benchmarks.records.files import find_records


def test_each_folder_is_entered_once_whatever_links_lead_to_it(tmp_path: Path) -> None:
    (tmp_path / "runs/second/deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for place in ("runs/second", "runs/second/deep", "elsewhere"):
        (tmp_path / place / "run.json").touch()
    (tmp_path / "runs/first").symlink_to(tmp_path / "runs/second")  # beside what it leads to
    (tmp_path / "runs/mounted").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "runs")
    found = [str(path.relative_to(tmp_path / "runs")) for path in find_records([tmp_path / "runs"])]
    assert found == ["first/deep/run.json", "first/run.json", "mounted/run.json"]
