"""Stored runs of films, made without a training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records.record import QuantizerRecord, Record, write_record

RATE, FRAMES, SIDE = 12.0, 9, 16

METRICS = {"psnr": 22.0, "psnr_clip": 21.8, "ssim": 0.6, "flicker": 4.0, "swd": 30.0, "kbps": 7.0, "bpp": 0.05}

DATA = {
    "name": "films",
    "source": "films",
    "fingerprint": "f",
    "frame_size": SIDE,
    "frames_per_second": RATE,
    "clip_frames": FRAMES,
    "split": "every fifth film",
    "train": {"films": 8, "crop": "square of the short side"},
    "test": {"films": 2, "clips": 2, "crop": "central square"},
}


def store_film_run(
    folder: Path, make_record: Callable[..., Record], name: str = "fsq", seed: int = 0, bits: int = 10, **metrics: Any
) -> Path:
    """A run with samples: a grey square that moves, and the same under noise."""
    is_codec = name in ("h264", "hevc", "av1")
    options = {"crf": round(metrics.get("kbps", 6))} if is_codec else {}
    quantizer = QuantizerRecord.without_codes(name, options)
    if not is_codec:
        quantizer = QuantizerRecord(
            name=name, options={}, dim=5, codebook_size=2**bits, codes_per_position=1, bits_per_position=float(bits)
        )
    record = make_record(
        name,
        seed,
        id=f"{name}-{options.get('crf', bits)}-{seed}",
        protocol="video/1",
        preset="video-quick",
        quantizer=quantizer,
        config={
            "bits": None if is_codec or name == "pca" else bits,
            "settings": {"data": {"clip_frames": FRAMES, "frame_size": SIDE, "frames_per_second": RATE}, "train": {}},
        },
        data=DATA,
        metrics={**METRICS, **metrics},
        missing={},
        speed={} if is_codec else {"encode_frames_per_second": 300.0, "decode_frames_per_second": 200.0},
    )
    if is_codec:
        speedless = record.training.model_copy(update={"images_per_second": None, "steps": 0})
        record = record.model_copy(update={"training": speedless, "parameters": {}})
    films = np.full((2, 3, FRAMES, SIDE, SIDE), 60, np.uint8)
    for frame in range(FRAMES):
        films[:, :, frame, 4:10, frame : frame + 6] = 200
    noise = np.random.default_rng(seed).integers(-20, 21, films.shape)
    arrays = {
        "samples/original": films,
        "samples/reconstruction": (films + noise).astype(np.uint8),
        "samples/rate": np.array(RATE),
        "clip/psnr": np.full(2, record.metrics["psnr"]),
    }
    path = folder / f"{record.id}.json"
    write_record(path, record, arrays)
    return path
