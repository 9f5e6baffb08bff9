"""Pictures of tokenizers of sounds and films: a line for each codec over its bitrates, spectrograms, and frames."""

from collections.abc import Callable
from pathlib import Path

from film_runs import store_film_run
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


def test_the_pictures_of_a_table_of_films(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    for kbps in (6.0, 12.0):
        store_film_run(tmp_path, make_record, "h264", kbps=kbps, psnr=20 + kbps)
    store_film_run(tmp_path, make_record, "fsq", psnr=22.0)
    drawn = {
        stem.rpartition("video-quick-films")[2]: figure for stem, _, figure in figures(read_records([tmp_path])[0])
    }
    assert {"-bitrate", "-10bit-films"} <= set(drawn)
    assert not [stem for stem in drawn if "reconstructions" in stem or "sounds" in stem]
    panels = drawn["-bitrate"].axes
    assert [panel.get_ylabel() for panel in panels] == ["PSNR ↑", "SSIM ↑", "flicker ↓"]
    lines = {container.get_label(): container[0].get_xydata().tolist() for container in panels[0].containers}
    assert lines == {"h264": [[6.0, 26.0], [12.0, 32.0]], "fsq": [[7.0, 22.0]]}
    (panel,) = drawn["-10bit-films"].axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["original", "h264 crf=12", "h264 crf=6", "fsq"]
    assert panel.images[0].get_array().shape[1] == 6 * 16 + 5  # six frames, and white between them
