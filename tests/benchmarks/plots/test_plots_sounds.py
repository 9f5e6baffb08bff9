"""Pictures of tokenizers of sounds: a line for each codec over its bitrates, and spectrograms."""

from collections.abc import Callable
from pathlib import Path

from sound_runs import store_sound_run

from benchmarks.plots import figures
from benchmarks.records.record import Record, read_records


def test_the_pictures_of_a_table_of_sounds(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    for kbps in (6.0, 12.0):
        store_sound_run(tmp_path, make_record, "opus", kbps=kbps, pesq=kbps / 4)
    for bits, kbps in ((60, 3.0), (120, 6.0)):
        store_sound_run(tmp_path, make_record, "rq", bits=bits, kbps=kbps)
    store_sound_run(tmp_path, make_record, "none", bits=60, kbps=256.0, pesq=4.0)
    drawn = {
        stem.rpartition("speech-quick-speech")[2]: figure for stem, _, figure in figures(read_records([tmp_path])[0])
    }
    assert {"-bitrate", "-60bit-sounds", "-120bit-sounds"} <= set(drawn)
    assert not [stem for stem in drawn if "reconstructions" in stem or "rate-distortion" in stem]
    pesq = drawn["-bitrate"].axes[0]
    assert pesq.get_ylabel() == "PESQ ↑"
    lines = {container.get_label(): container[0].get_xydata().tolist() for container in pesq.containers}
    assert lines["opus"] == [[6.0, 1.5], [12.0, 3.0]]
    assert [x for x, _ in lines["rq"]] == [3.0, 6.0]
    (ceiling,) = [line for line in pesq.lines if len(set(line.get_ydata())) == 1 and line.get_ydata()[0] == 4.0]
    assert ceiling.get_linestyle() == "--"
    (panel,) = drawn["-60bit-sounds"].axes
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == ["original", "opus kbps=12", "opus kbps=6", "none", "rq"]
