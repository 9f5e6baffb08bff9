"""Sounds in the report: what they look like, players that hold them, and the protocol of sounds."""

import base64
import io
import re
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sound_runs import RATE, store_sound_run

from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import RecordError
from benchmarks.records.record import Record, read_records
from benchmarks.report.page import page
from benchmarks.report.pictures import read_samples
from benchmarks.report.sections import sections


def test_players_hold_the_stored_samples(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    path = store_sound_run(tmp_path, make_record)
    html = page([(section, []) for section in sections(read_records([tmp_path])[0])], 0)
    players = re.findall(
        r'<audio controls preload="none" src="data:audio/wav;base64,([^"]+)" aria-label="([^"]+)"', html
    )
    assert [text for _, text in players] == [
        "sound 1, original",
        "sound 2, original",
        "sound 1, rq, 60 bits",
        "sound 2, rq, 60 bits",
    ]
    assert "media-src data:" in html
    with wave.open(io.BytesIO(base64.b64decode(players[3][0]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.array_equal(samples, read_arrays(path)["samples/reconstruction"][1, 0])
    assert "Audio protocol" in html
    assert "Reconstruction protocol" not in html


def test_both_protocols_stand_where_both_are_shown(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store_sound_run(tmp_path, make_record)
    (tmp_path / "picture.json").write_text(make_record().model_dump_json())
    html = page([(section, []) for section in sections(read_records([tmp_path])[0])], 0)
    assert "What every number means, of sounds" in html
    assert "What every number means, of pictures" in html


def test_a_protocol_without_words_here_is_named(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    (tmp_path / "film.json").write_text(make_record(protocol="holography/1").model_dump_json())
    html = page([(section, []) for section in sections(read_records([tmp_path])[0])], 0)
    assert "holography/1" in html
    assert "What every number means, of" not in html


def test_what_are_no_sounds_is_refused(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    path = store_sound_run(tmp_path, make_record)
    arrays = read_arrays(path)
    for changed in ({"samples/original": arrays["samples/original"].astype(np.uint8)}, {"samples/rate": None}):
        kept = {name: array for name, array in {**arrays, **changed}.items() if array is not None}
        np.savez(path.with_suffix(".npz"), **kept)
        with pytest.raises(RecordError, match="samples"):
            read_samples(path)
