"""Made-up runs of tokenizers of sounds, and of the codecs beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records.record import QuantizerRecord, Record, write_record

RATE = 16_000

METRICS = {"si_sdr": 2.0, "stoi": 0.7, "pesq": 1.5, "mel_distance": 1.8, "stft_distance": 2.9, "kbps": 3.0}


def store_sound_run(
    folder: Path, make_record: Callable[..., Record], name: str = "rq", seed: int = 0, bits: int = 60, **metrics: Any
) -> Path:
    """A run with samples: half a second of a tone, and of that tone with noise."""
    is_codec = name in ("opus", "mp3")
    options = {"kbps": round(metrics.get("kbps", 6))} if is_codec else {}
    quantizer = QuantizerRecord.without_codes(name, options)
    if not is_codec:
        quantizer = QuantizerRecord(
            name=name, options={}, dim=8, codebook_size=1024, codes_per_position=6, bits_per_position=float(bits)
        )
    settings = {"data": {"crop_samples": 8_000, "sample_rate": RATE}, "train": {}}
    record = make_record(
        name,
        seed,
        id=f"{name}-{options.get('kbps', bits)}-{seed}",
        protocol="audio/1",
        preset="speech-quick",
        quantizer=quantizer,
        config={"bits": None if is_codec else bits, "settings": settings},
        data={"name": "speech", "source": "speech", "fingerprint": "f", "sample_rate": RATE, "channels": 1},
        metrics={**METRICS, **metrics},
        missing={},
        speed={} if is_codec else {"encode_realtime": 20.0, "latency_ms": 20.0, "peak_memory_megabytes": 5.0},
    )
    if is_codec:
        speedless = record.training.model_copy(update={"images_per_second": None, "steps": 0})
        record = record.model_copy(update={"training": speedless, "parameters": {}})
    tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)
    noise = np.random.default_rng(seed).normal(0, 500, (2, 1, RATE // 2))
    arrays = {
        "samples/original": np.broadcast_to(tone, (2, 1, RATE // 2)).astype(np.int16),
        "samples/reconstruction": (tone + noise).astype(np.int16),
        "samples/rate": np.array(RATE),
        "sound/pesq": np.full(2, record.metrics["pesq"]),
    }
    path = folder / f"{record.id}.json"
    write_record(path, record, arrays)
    return path
