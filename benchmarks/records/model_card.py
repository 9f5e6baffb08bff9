"""A model in words: the card beside a run's files on the Hugging Face hub, and beside what was exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from huggingface_hub import ModelCard, ModelCardData

from autoencoders.pretrained.model import Pretrained
from benchmarks.records.export import Export
from benchmarks.records.generation import PriorRecord
from benchmarks.records.record import QuantizerRecord, Record, items
from quantizers import Quantizer

PROJECT = "quantizer-zoo-benchmark"

USE = """```python
from benchmarks import LoadedRun

run = LoadedRun.from_pretrained("OWNER/NAME")  # where this card lies: on the hub, or a folder
codes = run.tokenizer.encode({signal})  # float, {shape} in [-1, 1]{rate}
again = run.tokenizer.decode(codes)
```"""

SAMPLE = """New {signal} of the prior on its codes ({label}): `run.sample(16)`, in [-1, 1]."""


class _Signal(NamedTuple):
    """What the hub calls it, the shape of a batch, what the items of a test set are, and what the hub calls making
    such without being given anything; None where it has no name for that."""

    kind: str
    shape: str
    items: str
    generates: str | None = None


_SIGNALS = {
    "pictures": _Signal("image", "(B, 3, H, W)", "pictures", "unconditional-image-generation"),
    "sounds": _Signal("audio", "(B, channels, samples)", "sounds"),
    "films": _Signal("video", "(B, 3, frames, H, W)", "clips"),
}


def model_card(record: Record, prior: PriorRecord | None) -> ModelCard:
    """The card of a run, and of the prior on its codes where one lies beside it."""
    data, signal = record.data, _SIGNALS[record.signal]
    rate, _ = _rate_and_crops(record)
    about = ModelCardData(
        library_name=PROJECT,
        tags=[f"{signal.kind}-tokenizer", "vector-quantization", record.quantizer.name.replace(":", ".")],
        pipeline_tag=f"{signal.kind}-to-{signal.kind}"
        if prior is None or signal.generates is None
        else signal.generates,
    )
    parts = [
        f"---\n{about.to_yaml()}\n---",
        f"# {record.id}",
        of_run(record),
        USE.format(signal=record.signal, shape=signal.shape, rate=rate),
        *([] if prior is None else [SAMPLE.format(signal=record.signal, label=prior.label)]),
        f"## Measured under the protocol {record.protocol}",
        f"{items(data['test']):,} {signal.items} of {data['name']}: {data['split']}; {data['test']['crop']}.",
        _table(record.metrics | ({} if prior is None else prior.metrics)),
        *(f"No {name}: {why}." for name, why in record.missing.items()),
        f"`model.json` has its settings, data, machine and versions. Made by\n\n    {record.command}",
    ]
    return ModelCard("\n\n".join(parts) + "\n")


def of_run(record: Record) -> str:
    """What a run's tokenizer is, and what it was trained on, in sentences."""
    _, crops = _rate_and_crops(record)
    changed = "".join(f", {name}={value}" for name, value in sorted(record.changes.items()))
    return (
        f"A tokenizer of {record.signal} with the quantizer {_quantizer(record.quantizer)}. Trained by the preset "
        f"{record.preset}{changed} on {record.training_images:,} {crops} of {record.data['name']}, seed {record.seed}."
    )


def of_published(model: Pretrained) -> str:
    """What a published tokenizer is, and whose."""
    return f"The published tokenizer {model.name}: {model.paper}; licence: {model.licence}; weights: {model.source}."


def of_quantizer(name: str, options: Mapping[str, Any], quantizer: Quantizer) -> str:
    """What a quantizer alone is."""
    return f"The quantizer {_quantizer(QuantizerRecord.of(name, options, quantizer))}, as it is before any training."


def _quantizer(quantizer: QuantizerRecord) -> str:
    options = "".join(f", {name}={value!r}" for name, value in quantizer.options.items())
    return (
        f"`{quantizer.name}`{options}: codes of {quantizer.codebook_size} values, {quantizer.bits_per_position:.4g} "
        "bits at each position"
    )


def exported_card(exported: Export, about: str) -> ModelCard:
    """The card beside the programs of an export.

    Args:
        exported: What is stored of it.
        about: What was exported, in sentences: `of_run`, `of_published` or `of_quantizer`.
    """
    onnx = exported.format == "onnx"
    header = ModelCardData(library_name="onnx" if onnx else "pytorch", tags=["image-tokenizer", "vector-quantization"])
    height, width = exported.extent or ("H", "W")
    strides = " × ".join(map(str, exported.strides))
    sizes = "" if exported.extent else f", H and W multiples of {strides}"
    signal = f"float32, (B, {exported.channels}, {height}, {width}){sizes}"
    lines = ["import onnxruntime" if onnx else "import torch", ""]
    for part, program in exported.programs.items():
        opened = f'onnxruntime.InferenceSession("{program.file}")' if onnx else f'torch.export.load("{program.file}")'
        given = [name if name != "signal" else f"signal  # {signal}" for name in program.inputs]
        lines += [f"{part} = {opened}", *(f"#   takes {name}" for name in given)]
        call = (
            f"{part}.run(None, {{{', '.join(f'{name!r}: {name}' for name in program.inputs)}}})"
            if onnx
            else f"{part}.module()({', '.join(program.inputs)})"
        )
        lines.append(f"{', '.join(program.outputs)}{',' * (len(program.outputs) == 1)} = {call}")
    parts = [
        f"---\n{header.to_yaml()}\n---",
        f"# {exported.name} as {exported.format}",
        about,
        "Pictures lie in [-1, 1] and come out unclamped; of a quantizer alone, signals are its latents. Codes are "
        "int64. Values are not checked in the programs.",
        "```python\n" + "\n".join(lines) + "\n```",
        f"## Beside the tokenizer, on {exported.agreement.signals:,} signals of {exported.data['name']}",
        in_words(exported),
        f"`export.json` has files, machine and versions. Made by\n\n    {exported.command}",
    ]
    return ModelCard("\n\n".join(parts) + "\n")


def in_words(exported: Export) -> str:
    """How far an export agrees with the tokenizer, in sentences."""
    found = exported.agreement
    words = []
    if found.codes is not None and found.equal_codes is not None:
        words.append(
            f"{found.equal_codes:,} of {found.codes:,} codes are equal; in {found.signals_of_equal_codes:,} of "
            f"{found.signals:,} signals all are."
        )
        if found.equal_codes < found.codes:
            words.append("Sums in another order differ in their last digits, which decide where two codes are as near.")
    for name, difference in (("Decoded", found.decoder_difference), ("Reconstructed", found.both_difference)):
        if difference is not None:
            words.append(f"{name} signals of equal codes differ by at most {difference:.2g}.")
    return " ".join(words)


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
