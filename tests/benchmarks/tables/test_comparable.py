"""Which runs share a table, as which rows: also across backbones and settings."""

from collections.abc import Callable

import numpy as np

from benchmarks.records.record import Record
from benchmarks.tables import comparable, summaries
from benchmarks.tables.columns import BY_NAME


def with_backbone(record: Record, backbone: str, bits: int, bpp: float, digest: str) -> Record:
    """The same run in another backbone."""
    rate = {"vqgan": 1e-4, "vqvae2": 1e-5}[backbone]
    settings = {"dim": 8, "model": {"width": bits}, "backbone": backbone, "train": {"learning_rate": rate}}
    changes: dict[str, object] = {"train.images": 4000}
    if backbone == "vqgan":
        del settings["backbone"]  # as in the runs stored before there was another
    else:
        changes |= {"backbone": backbone, "model.width": 7}
    is_two_maps = backbone == "vqvae2"  # which `pca` and `kmeans` stand beside with one
    own = {"bits_per_position": bits - 0.03, "dim": 10 if is_two_maps else 8}
    if record.quantizer.name == "kmeans":
        own["bits_per_position"] = 10
    quantizer = record.quantizer.model_copy(update=own)
    return record.model_copy(
        update={
            "id": f"{record.id}-{backbone}",
            "settings": digest,
            "config": {"bits": bits, "settings": settings},
            "changes": changes,
            "quantizer": quantizer,
            "data": {**record.data, "image_size": 32},
            "metrics": {
                **record.metrics,
                "bpp": bpp if record.quantizer.name == "kmeans" else bpp * (bits - 0.03) / bits,
            },
        }
    )


def test_backbones_stand_in_one_table_and_compete_at_equal_bits_per_picture(make_record: Callable[..., Record]) -> None:
    runs = [
        ("vqgan", "fsq", 10, 160 / 1024, 20.0),
        ("vqvae2", "fsq", 8, 160 / 1024, 21.0),  # 16 + 4 positions
        ("vqgan", "lfq", 8, 128 / 1024, 22.0),
        ("vqvae2", "lfq", 9, 180 / 1024, 23.0),
        ("vqgan", "block-mean", 24, 0.375, 17.0),
        ("vqvae2", "block-mean", 24, 0.375, 17.0),
        ("vqgan", "pca", 256, 4.0, 23.0),
        ("vqvae2", "pca", 320, 5.0, 24.0),
        ("vqgan", "kmeans", 10, 160 / 1024, 19.0),
        ("vqvae2", "kmeans", 8, 160 / 1024, 19.0),  # asked for 8 bits at each of 20 positions
    ]
    records = [
        with_backbone(make_record(name, psnr=psnr), backbone, bits, bpp, backbone)
        for backbone, name, bits, bpp, psnr in runs
    ]
    assert len(summaries.groups(summaries.summarise(summaries.to_frame(records)))) == 2
    frame = summaries.to_frame(records, comparable.across_backbones)
    ((title, table),) = summaries.groups(summaries.summarise(frame))
    assert "train.images=4000" in title
    assert "backbone" not in title
    assert "model.width" not in title
    assert dict(zip(table["quantizer"], table["rate"], strict=True)) == {
        "block-mean": 0,
        "pca, 8 channels": 0,
        "pca, 10 channels": 0,
        "kmeans": 160,
        "vqgan · fsq": 160,
        "vqvae2 · fsq": 160,
        "vqgan · lfq": 128,
        "vqvae2 · lfq": 180,
    }
    resampled = {record.id: {"psnr": np.full(100, record.metrics["psnr"])} for record in records}
    matrix = next(
        each for each in summaries.matrices(frame, BY_NAME["psnr"], resampled.__getitem__) if "160" in each.title
    )
    assert list(matrix.cells.columns) == [
        "row − column",
        "block-mean",
        "pca, 8 channels",
        "pca, 10 channels",
        "vqgan · fsq",
        "vqvae2 · fsq",
        "kmeans",
    ]
    first = records[0]
    for other in (
        {"data": {**first.data, "fingerprint": "other"}},
        {"changes": {**first.changes, "train.learning_rate": 1e-3}},
    ):
        frame = summaries.to_frame([*records, first.model_copy(update=other)], comparable.across_backbones)
        assert len(summaries.groups(summaries.summarise(frame))) == 2


def test_all_settings_in_one_table_name_what_was_changed(make_record: Callable[..., Record]) -> None:
    data = {"name": "photographs", "source": "photographs", "fingerprint": "f", "image_size": 32}
    plain, wide = (make_record(data=data, settings=name) for name in "ab")
    wide = wide.model_copy(update={"id": "wide", "changes": {"model.width": 96}})
    base = [make_record("pca", data=data, settings=record.settings, changes=record.changes) for record in (plain, wide)]
    frame = summaries.to_frame([plain, wide, *base], comparable.across_settings)
    assert frame["quantizer"].to_list() == ["fsq", "fsq model.width=96", "pca"]
    assert len(summaries.groups(summaries.summarise(frame))) == 1
    assert len(summaries.groups(summaries.summarise(summaries.to_frame([plain, wide])))) == 2
