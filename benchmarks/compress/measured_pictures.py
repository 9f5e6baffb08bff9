"""Pictures as `measure` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.compress.measured import Items, MeasuredSignal, RatedCodec
from benchmarks.data import DataConfig
from benchmarks.data.whole import WholePictures, open_whole
from benchmarks.metrics.ssim import SSIM_MIN_SIZE
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.compression.codecs import CODECS
from benchmarks.protocols.compression.picture_fidelity import PictureFidelity
from benchmarks.protocols.compression.pictures import PictureCodec
from benchmarks.protocols.compression.samples import Arrays, samples
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.records.compression import CodecCoder, CodecName, PictureCodecName, Sample
from benchmarks.records.record import Record
from benchmarks.training.trained import require_signal
from priors.code_models import CodeModel


class MeasuredPictures(MeasuredSignal):
    """At full size, beside JPEG, WebP, AVIF and JPEG XL."""

    name = "pictures"
    codecs = get_args(PictureCodecName)

    def open(self, source: str, limit: int | None, root: Path | None, errors: Console) -> WholePictures:
        return open_whole(DataConfig(source, image_size=SSIM_MIN_SIZE, root=root, limit_test=limit), errors)

    def fidelity(self, lpips_backbone: Path | None, device: torch.device) -> PictureFidelity:
        return PictureFidelity(MetricWeights.find(lpips_backbone=lpips_backbone), device)

    def require(self, path: Path, run: Record) -> None:
        require_signal(path, run, (self.name,))

    def tokenizer_codec(self, run: Record, tokenizer: Tokenizer, model: CodeModel) -> PictureCodec:
        return PictureCodec(tokenizer, model)

    def codec(self, name: CodecName) -> RatedCodec:
        codec = CODECS[name]
        coder = CodecCoder(name=name, heading=codec.heading, settings=dict(codec.settings), software=codec.software)
        points = {f"quality {quality}": {"quality": quality} for quality in codec.qualities}
        return RatedCodec(coder, points, lambda setting: codec.at(setting["quality"]))

    def samples(
        self, coder: TokenizerCodec[Any], items: Items, codecs: Sequence[CodecName]
    ) -> tuple[tuple[Sample, ...], Arrays]:
        """Crops."""
        assert isinstance(items, WholePictures)
        return samples(coder, items, {name: CODECS[name] for name in codecs})

    def in_words(self, metrics: Mapping[str, float | None]) -> str:
        return f"{metrics['bpp']:.3f} bits per pixel, PSNR {metrics['psnr']:.3f} dB"
