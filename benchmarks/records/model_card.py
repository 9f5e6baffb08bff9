"""A run in words: the model card beside its files on the Hugging Face hub."""

from __future__ import annotations

from typing import NamedTuple

from huggingface_hub import ModelCard, ModelCardData

from benchmarks.records.generation import PriorRecord
from benchmarks.records.record import Record, items

PROJECT = "quantizer-zoo-benchmark"

USE = """```python
from benchmarks import LoadedRun

run = LoadedRun.from_pretrained("OWNER/NAME")  # where this card lies: on the hub, or a folder
codes = run.tokenizer.encode({signal})  # float, {shape} in [-1, 1]{rate}
again = run.tokenizer.decode(codes)
```"""

SAMPLE = """New pictures of the prior on its codes ({label}): `run.sample(16)`, in [-1, 1]."""


class _Signal(NamedTuple):
    """What the hub calls it, the shape of a batch, and what the items of a test set are."""

    kind: str
    shape: str
    items: str


_SIGNALS = {
    "pictures": _Signal("image", "(B, 3, H, W)", "pictures"),
    "sounds": _Signal("audio", "(B, channels, samples)", "sounds"),
    "films": _Signal("video", "(B, 3, frames, H, W)", "clips"),
}


def model_card(record: Record, prior: PriorRecord | None) -> ModelCard:
    """The card of a run, and of the prior on its codes where one lies beside it."""
    quantizer, data = record.quantizer, record.data
    signal = _SIGNALS[record.signal]
    rate, crops = _rate_and_crops(record)
    about = ModelCardData(
        library_name=PROJECT,
        tags=[f"{signal.kind}-tokenizer", "vector-quantization", quantizer.name.replace(":", ".")],
        pipeline_tag=f"{signal.kind}-to-{signal.kind}" if prior is None else "unconditional-image-generation",
    )
    options = "".join(f", {name}={value!r}" for name, value in quantizer.options.items())
    changed = "".join(f", {name}={value}" for name, value in sorted(record.changes.items()))
    parts = [
        f"---\n{about.to_yaml()}\n---",
        f"# {record.id}",
        f"A tokenizer of {record.signal} with the quantizer `{quantizer.name}`{options}: codes of "
        f"{quantizer.codebook_size} values, {quantizer.bits_per_position:.4g} bits at each position. Trained by the "
        f"preset {record.preset}{changed} on {record.training_images:,} {crops} of "
        f"{data['name']}, seed {record.seed}.",
        USE.format(signal=record.signal, shape=signal.shape, rate=rate),
        *([] if prior is None else [SAMPLE.format(label=prior.label)]),
        f"## Measured under the protocol {record.protocol}",
        f"{items(data['test']):,} {signal.items} of {data['name']}: {data['split']}; {data['test']['crop']}.",
        _table(record.metrics | ({} if prior is None else prior.metrics)),
        *(f"No {name}: {why}." for name, why in record.missing.items()),
        f"`model.json` has its settings, data, machine and versions. Made by\n\n    {record.command}",
    ]
    return ModelCard("\n\n".join(parts) + "\n")


def _rate_and_crops(record: Record) -> tuple[str, str]:
    """How often a signal is sampled, where that is to be known, and what the training showed of it."""
    data = record.data
    if record.signal == "sounds":
        rate = f", at {data['sample_rate']:,} Hz"
        return rate, f"crops of {data['train']['crop']}{rate},"
    if record.signal == "films":
        rate = f", at {data['frames_per_second']:g} frames per second"
        return rate, f"clips of {data['clip_frames']} frames of {data['frame_size']} px{rate},"
    return "", f"crops of {data['image_size']} pixels"


def _table(metrics: dict[str, float | None]) -> str:
    rows = [f"| {name} | {value:.5g} |" for name, value in metrics.items() if value is not None]
    return "\n".join(["| metric | value |", "| --- | --- |", *rows])
