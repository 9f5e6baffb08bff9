"""A run in words: the model card beside its files on the Hugging Face hub."""

from __future__ import annotations

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


def model_card(record: Record, prior: PriorRecord | None) -> ModelCard:
    """The card of a run, and of the prior on its codes where one lies beside it."""
    quantizer, data = record.quantizer, record.data
    if record.of_pictures:
        signal, kind, pipeline = "pictures", "image", "image-to-image"
        shape, rate, crops = "(B, 3, H, W)", "", f"crops of {data['image_size']} pixels"
    else:
        signal, kind, pipeline = "sounds", "audio", "audio-to-audio"
        shape, rate = "(B, channels, samples)", f", at {data['sample_rate']:,} Hz"
        crops = f"crops of {data['train']['crop']}{rate},"
    about = ModelCardData(
        library_name=PROJECT,
        tags=[f"{kind}-tokenizer", "vector-quantization", quantizer.name.replace(":", ".")],
        pipeline_tag=pipeline if prior is None else "unconditional-image-generation",
    )
    options = "".join(f", {name}={value!r}" for name, value in quantizer.options.items())
    changed = "".join(f", {name}={value}" for name, value in sorted(record.changes.items()))
    parts = [
        f"---\n{about.to_yaml()}\n---",
        f"# {record.id}",
        f"A tokenizer of {signal} with the quantizer `{quantizer.name}`{options}: codes of {quantizer.codebook_size} "
        f"values, {quantizer.bits_per_position:.4g} bits at each position. Trained by the preset "
        f"{record.preset}{changed} on {record.training_images:,} {crops} of "
        f"{data['name']}, seed {record.seed}.",
        USE.format(signal=signal, shape=shape, rate=rate),
        *([] if prior is None else [SAMPLE.format(label=prior.label)]),
        f"## Measured under the protocol {record.protocol}",
        f"{items(data['test']):,} {signal} of {data['name']}: {data['split']}; {data['test']['crop']}.",
        _table(record.metrics | ({} if prior is None else prior.metrics)),
        *(f"No {name}: {why}." for name, why in record.missing.items()),
        f"`model.json` has its settings, data, machine and versions. Made by\n\n    {record.command}",
    ]
    return ModelCard("\n\n".join(parts) + "\n")


def _table(metrics: dict[str, float | None]) -> str:
    rows = [f"| {name} | {value:.5g} |" for name, value in metrics.items() if value is not None]
    return "\n".join(["| metric | value |", "| --- | --- |", *rows])
