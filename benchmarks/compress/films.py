"""Films as files of codes: what `encode` reads and `decode` writes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.compress.signal import SignalFiles
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.files import is_film
from benchmarks.data.films.opening import require_packages
from benchmarks.data.films.whole import open_film
from benchmarks.protocols.compression.films import FilmCodec
from benchmarks.records.film_files import save_lossless
from benchmarks.training.loading import LoadedRun
from priors.code_models import CodeModel


class FilmFiles(SignalFiles[FilmCodec]):
    """Film files by the rules of `benchmarks.data.films.reading`, at their own size and rate, without their sound;
    Matroska of FFV1 comes back, which loses nothing of what the tokenizer gives."""

    noun = "films"
    suffix = ".mkv"

    def __init__(self, run: LoadedRun, config: FilmConfig) -> None:
        """DataError where the package is not installed that reads films."""
        require_packages()
        super().__init__(run, config)

    def codec(self, model: CodeModel) -> FilmCodec:
        return FilmCodec(self.run.tokenizer, model, self.config.clip_frames)

    def is_one(self, name: str) -> bool:
        return is_film(name)

    def encode(self, codec: FilmCodec, file: Path) -> tuple[bytes, str]:
        film = open_film(file)
        data = codec.encode(film)
        frames, height, width = film.extent
        kbps = 8 * len(data) / film.seconds / 1000
        return data, f"{kbps:.3f} kbit/s, {8 * len(data) / (frames * height * width):.4f} bits per pixel"

    def decode(self, codec: FilmCodec, data: bytes, output: Path) -> str:
        film = codec.decode(data)
        save_lossless(output, film.frames(), film.rate, f"decoded by {self.run.record.id}")
        frames, height, width = film.extent
        return f"{film.seconds:.3f} s, {width} × {height} pixels, {frames:,} frames at {float(film.rate):.5g} a second"
