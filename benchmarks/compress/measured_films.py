"""Films as `measure` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.compress.measured import Items, MeasuredSignal, RatedCodec
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.whole import WholeFilms, open_whole_films
from benchmarks.metrics.ssim import SSIM_MIN_SIZE
from benchmarks.protocols.compression.film_codecs import FixedFactor
from benchmarks.protocols.compression.film_fidelity import FilmFileFidelity
from benchmarks.protocols.compression.films import FilmCodec
from benchmarks.protocols.compression.samples import Arrays
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.protocols.video.codecs import FILM_CODECS
from benchmarks.records.compression import CodecCoder, CodecName, FilmCodecName, Sample
from benchmarks.records.record import Record
from benchmarks.training.signals.film_baselines import QUALITIES
from benchmarks.training.trained import require_signal
from priors.code_models import CodeModel


class MeasuredFilms(MeasuredSignal):
    """Whole, at their own size and rate, beside H.264, HEVC and AV1 by the video protocol's settings."""

    name = "films"
    codecs = get_args(FilmCodecName)

    def __init__(self, path: Path) -> None:
        """
        Args:
            path: of the record of a run, which a command names beside a codec.
        """
        self.beside = "--run", path.as_posix()

    def open(self, source: str, limit: int | None, root: Path | None, errors: Console) -> WholeFilms:
        return open_whole_films(FilmConfig(source, SSIM_MIN_SIZE, limit_test=limit, root=root), errors)

    def fidelity(self, lpips_backbone: Path | None, device: torch.device) -> FilmFileFidelity:
        return FilmFileFidelity(device)

    def require(self, path: Path, run: Record) -> None:
        require_signal(path, run, (self.name,))

    def tokenizer_codec(self, run: Record, tokenizer: Tokenizer, model: CodeModel) -> FilmCodec:
        return FilmCodec(tokenizer, model, run.data["clip_frames"])

    def codec(self, name: CodecName) -> RatedCodec:
        make, factors = FILM_CODECS[name], QUALITIES[name]
        any_rate = make(factors[0])
        coder = CodecCoder(
            name=name, heading=any_rate.heading, settings=dict(any_rate.options), software=any_rate.software
        )
        points = {f"crf {factor}": {"crf": factor} for factor in reversed(factors)}
        return RatedCodec(coder, points, lambda setting: FixedFactor(make(setting["crf"])))

    def samples(
        self, coder: TokenizerCodec[Any], items: Items, codecs: Sequence[CodecName]
    ) -> tuple[tuple[Sample, ...], Arrays]:
        """None: the report of a run plays its clips beside those of the codecs."""
        return (), {}

    def in_words(self, metrics: Mapping[str, float | None]) -> str:
        return f"{metrics['kbps']:.1f} kbit/s, {metrics['bpp']:.4f} bits per pixel, PSNR {metrics['psnr']:.3f} dB"
