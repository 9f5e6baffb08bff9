"""How measurements of compression are shown, by signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.records.record import SignalName
from benchmarks.tables.formats import NumberColumn


class Described(NamedTuple):
    """How the measurements of one signal are shown.

    Attributes:
        whole: what they are of, several and whole.
        rate: the metric of what files cost.
        rate_words: the same on an axis.
        qualities: metrics over which curves are drawn, and their headings.
        columns: of a table.
    """

    whole: str
    rate: str
    rate_words: str
    qualities: Mapping[str, str]
    columns: tuple[NumberColumn, ...]


DESCRIBED: Mapping[SignalName, Described] = {
    "pictures": Described(
        "pictures at full size",
        "bpp",
        "bits per pixel of whole files",
        {"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM, dB", "ssimulacra2": "SSIMULACRA 2"},
        (
            NumberColumn("bytes", "bytes", "{:,.0f}"),
            NumberColumn("bpp", "bits/pixel ↓", "{:.3f}"),
            NumberColumn("psnr", "PSNR ↑", "{:.2f}"),
            NumberColumn("ssim", "SSIM ↑", "{:.3f}"),
            NumberColumn("ms_ssim", "MS-SSIM ↑", "{:.3f}"),
            NumberColumn("ssimulacra2", "SSIMULACRA 2 ↑", "{:.1f}"),
            NumberColumn("lpips", "LPIPS ↓", "{:.3f}"),
            NumberColumn("over_anchor", "% over JPEG, equal PSNR ↓", "{:+.0f}"),
            NumberColumn("overhead", "coder's overhead % ↓", "{:.2f}"),
            NumberColumn("fixed_point", "fixed point % ↓", "{:.3f}"),
            NumberColumn("encode_seconds", "encode s ↓", "{:.3f}"),
            NumberColumn("decode_seconds", "decode s ↓", "{:.3f}"),
            NumberColumn("peak_memory_megabytes", "peak MB ↓", "{:,.0f}"),
        ),
    ),
    "sounds": Described(
        "whole sounds",
        "kbps",
        "kbit/s of whole files",
        {"si_sdr": "SI-SDR, dB", "mel_distance": "mel distance, lower is better", "pesq": "PESQ"},
        (
            NumberColumn("bytes", "bytes", "{:,.0f}"),
            NumberColumn("kbps", "kbit/s ↓", "{:.3f}"),
            NumberColumn("si_sdr", "SI-SDR dB ↑", "{:.2f}"),
            NumberColumn("mel_distance", "mel distance ↓", "{:.3f}"),
            NumberColumn("stft_distance", "STFT distance ↓", "{:.3f}"),
            NumberColumn("stoi", "STOI ↑", "{:.3f}"),
            NumberColumn("pesq", "PESQ ↑", "{:.2f}"),
            NumberColumn("visqol", "ViSQOL ↑", "{:.2f}"),
            NumberColumn("overhead", "coder's overhead % ↓", "{:.2f}"),
            NumberColumn("fixed_point", "fixed point % ↓", "{:.3f}"),
            NumberColumn("encode_realtime", "encode × real time ↑", "{:,.1f}"),
            NumberColumn("decode_realtime", "decode × real time ↑", "{:,.1f}"),
            NumberColumn("peak_memory_megabytes", "peak MB ↓", "{:,.0f}"),
        ),
    ),
    "films": Described(
        "whole films",
        "bpp",
        "bits per pixel of whole files",
        {"psnr": "PSNR, dB", "ssim": "SSIM", "flicker": "flicker, lower is better"},
        (
            NumberColumn("bytes", "bytes", "{:,.0f}"),
            NumberColumn("bpp", "bits/pixel ↓", "{:.4f}"),
            NumberColumn("kbps", "kbit/s ↓", "{:,.1f}"),
            NumberColumn("psnr", "PSNR ↑", "{:.2f}"),
            NumberColumn("psnr_clip", "PSNR of films ↑", "{:.2f}"),
            NumberColumn("ssim", "SSIM ↑", "{:.3f}"),
            NumberColumn("ms_ssim", "MS-SSIM ↑", "{:.3f}"),
            NumberColumn("flicker", "flicker ↓", "{:.2f}"),
            NumberColumn("overhead", "coder's overhead % ↓", "{:.2f}"),
            NumberColumn("fixed_point", "fixed point % ↓", "{:.3f}"),
            NumberColumn("encode_frames_per_second", "encode frames/s ↑", "{:,.1f}"),
            NumberColumn("decode_frames_per_second", "decode frames/s ↑", "{:,.1f}"),
            NumberColumn("peak_memory_megabytes", "peak MB ↓", "{:,.0f}"),
        ),
    ),
}
