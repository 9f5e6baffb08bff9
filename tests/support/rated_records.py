"""Records of runs and baselines at rates, for tables."""

from benchmarks.records.record import Record


def rated(record: Record, bits: int) -> Record:
    """The same run, asked for these bits."""
    changed = {"config": {"bits": bits}, "id": f"{record.id}-{bits}bits"}
    return record.model_copy(update=changed)


def bound_to(record: Record, name: str, psnr: float, bits: int | None, images: int = 8192) -> Record:
    """A baseline under the settings of a record."""
    return record.model_copy(
        update={
            "id": f"{name}-{bits}",
            "quantizer": record.quantizer.model_copy(update={"name": name}),
            "config": {"bits": bits},
            "metrics": {**record.metrics, "psnr": psnr},
            "training": record.training.model_copy(update={"images": images, "steps": 0}),
        }
    )
