"""Made-up runs stored with their arrays, and what is found in pictures of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchmarks.records.record import QuantizerRecord, Record, write_record

Run = tuple[Path, Record]


@pytest.fixture
def store(tmp_path: Path, make_record: Callable[..., Record]) -> Callable[..., Run]:
    """Store a run under a name of its own; `arrays` are what it has beside the record."""
    count = 0

    def make(
        name: str = "vq",
        seed: int = 0,
        bits: int = 10,
        options: dict[str, Any] | None = None,
        arrays: dict[str, np.ndarray] | None = None,
        metrics: dict[str, float | None] | None = None,
        encode: float = 100.0,
        train: float | None = 160.0,
        settings_stored: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Run:
        nonlocal count
        count += 1
        quantizer = QuantizerRecord(
            name=name,
            options=options or {},
            dim=4,
            codebook_size=2**bits,
            codes_per_position=1,
            bits_per_position=float(bits),
        )
        record = make_record(
            name, seed, quantizer=quantizer, config={"bits": bits, "settings": settings_stored or {}}, **fields
        )
        training = record.training.model_copy(update={"images_per_second": train})
        record = record.model_copy(
            update={
                "id": f"run{count:03d}",
                "metrics": {"psnr": 20.0, "swd": 80.0} if metrics is None else metrics,
                "speed": {"encode_images_per_second": encode},
                "training": training,
            }
        )
        path = tmp_path / "runs" / f"{record.id}.json"
        write_record(path, record, arrays or {})
        return path, record

    return make


@pytest.fixture
def line() -> Callable[[Axes, str], Line2D]:
    """The line of a method in a panel, which must be there once."""

    def find(panel: Axes, label: str) -> Line2D:
        found = {
            container.get_label(): container.lines[0]
            for container in panel.containers
            if hasattr(container, "has_yerr")
        }
        lines = [each for each in panel.get_lines() if each.get_label() == label]
        (only,) = lines + ([found[label]] if label in found else [])
        return only

    return find


@pytest.fixture
def arrays() -> Callable[..., dict[str, np.ndarray]]:
    """All that a run stores beside its record, different for each seed."""

    def make(seed: int = 0, codes: int = 16, side: int = 8) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(seed)
        original = np.random.default_rng(0).integers(0, 256, (8, 3, side, side), dtype=np.uint8)
        step = np.arange(1, 21)
        return {
            "curve/step": step,
            "curve/reconstruction": 1 + seed + 1 / step,
            "curve/images_per_second": 100.0 + step,
            "samples/original": original,
            "samples/reconstruction": generator.integers(0, 256, original.shape, dtype=np.uint8),
            "code_counts": generator.integers(1, 9, (1, codes)),
        }

    return make
