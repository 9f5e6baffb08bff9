"""What is said under tables: nothing, or where they measure the training, and what could not be tested."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from rated_records import bound_to, rated
from rich.console import Console

from benchmarks.records.record import Record
from benchmarks.tables import comparable, formats, summaries


@pytest.mark.parametrize(
    ("none", "best", "says"),
    [
        (24.1, 19.1, []),
        (24.0, 19.1, ["none (24.00 dB) is not above pca (24.00 dB)"]),
        (24.1, 19.0, ["at 10 bits no quantizer (19.00 dB at best) is above kmeans (19.00 dB)"]),
        (20.0, 18.0, ["none (20.00 dB)", "no quantizer (18.00 dB at best)"]),
    ],
)
def test_what_is_no_better_than_what_needs_no_network_is_said(
    make_record: Callable[..., Record], none: float, best: float, says: list[str]
) -> None:
    record = make_record()
    records = [rated(make_record(psnr=best), 10), rated(make_record("lfq", psnr=15.0), 10)]
    records += [bound_to(record, "pca", 24.0, None), bound_to(record, "none", none, None)]
    records.append(bound_to(record, "kmeans", 19.0, 10))
    (titled,) = summaries.comparison(summaries.summarise(summaries.to_frame(records)))
    assert ("measures the training" in titled.remark) == bool(says)
    for words in says:
        assert words in titled.remark
    if says:
        assert titled.remark.startswith("This table measures the training and not the quantizers")
    console = Console(file=io.StringIO(), width=200)
    formats.print_tables([titled], console)
    written = (formats.markdown([titled]), formats.html([titled]), formats.latex([titled]), console.file.getvalue())
    assert all(("measures the training" in text) == bool(says) for text in written)


def test_each_network_is_held_against_as_many_channels(make_record: Callable[..., Record]) -> None:
    record = make_record(config={"settings": {"train": {}}})
    rows = []
    for backbone, none, channels in (("vqgan", 24.5, 16), ("vit", 23.5, 16), ("1d", 23.0, 16), ("vqvae2", 24.8, 20)):
        settings = {"backbone": backbone, "train": {}}
        for name, psnr in (("none", none), ("pca", channels / 2 + 16.0)):
            made = bound_to(record, name, psnr, None)
            quantizer = made.quantizer.model_copy(update={"dim": channels if name == "pca" else 16})
            update = {"id": f"{backbone} {name}", "config": {"settings": settings}, "quantizer": quantizer}
            update["metrics"] = {**made.metrics, "bpp": channels / 2}
            rows.append(made.model_copy(update={**update, "data": {**record.data, "image_size": 32}}))
    frame = summaries.to_frame(rows, comparable.across_backbones)
    (titled,) = summaries.comparison(summaries.summarise(frame))
    assert "vit · none (23.50 dB), 1d · none (23.00 dB) are not above pca (24.00 dB)" in titled.remark
    assert "vqvae2 · none (24.80 dB) is not above pca (26.00 dB)" in titled.remark
    assert "vqgan" not in titled.remark


def test_of_one_network_the_best_without_a_quantizer_counts(make_record: Callable[..., Record]) -> None:
    data = {"name": "photographs", "source": "photographs", "fingerprint": "f", "image_size": 32}
    record = make_record(data=data, config={"settings": {}})
    nones = [bound_to(record, "none", psnr, None) for psnr in (23.0, 24.5)]
    rows = [bound_to(record, "pca", 24.0, None)]
    for width, none in zip((32, 96), nones, strict=True):
        changed = {"id": f"none {width}", "changes": {"model.width": width}, "config": {"settings": {}}}
        rows.append(none.model_copy(update=changed))
    (titled,) = summaries.comparison(summaries.summarise(summaries.to_frame(rows, comparable.across_settings)))
    assert titled.remark == ""
    (titled,) = summaries.comparison(summaries.summarise(summaries.to_frame(rows[:2], comparable.across_settings)))
    assert "none model.width=32 (23.00 dB) is not above pca (24.00 dB)" in titled.remark


def test_nothing_is_said_where_the_baselines_are_missing(make_record: Callable[..., Record]) -> None:
    (titled,) = summaries.comparison(summaries.summarise(summaries.to_frame([rated(make_record(), 10)])))
    assert titled.remark == ""


def test_where_no_test_is_possible_nothing_is_bold_and_the_table_says_so(make_record: Callable[..., Record]) -> None:
    """Of 10 bits there are three seeds, of 12 there is one."""
    quality = {("fsq", 10): 20.0, ("ibq", 10): 12.8, ("fsq", 12): 19.96, ("ibq", 12): 12.76}
    records = [
        rated(make_record(name, seed=seed, psnr=psnr + 0.01 * seed), bits)
        for (name, bits), psnr in quality.items()
        for seed in range(3 if bits == 10 else 1)
    ]
    resampled = {record.id: {"psnr": np.full(100, record.metrics["psnr"])} for record in records}
    (titled,) = summaries.comparison(summaries.summarise(summaries.to_frame(records), resampled.__getitem__))
    bold = [(row["quantizer"].text, row["PSNR ↑"].bold) for _, row in titled.cells.iterrows()]
    assert bold == [("fsq", True), ("ibq", False), ("fsq", False), ("ibq", False)]
    assert titled.remark.startswith("Nothing is bold at 12 bits, where no difference can be tested: that takes 3 seeds")
