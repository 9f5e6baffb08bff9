"""The table of stored measurements of stability: tokenizers as rows, changes as columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.records.stability import Stability
from benchmarks.tables.formats import Cell, Titled

LEGEND = (
    "Per cent of codes that change, in brackets the PSNR in dB that is lost by it; then the PSNR where so many of the "
    "codes are replaced at random, and how many times as long invariant encoding takes. –: not measured."
)


def tables(measured: Sequence[Stability]) -> list[Titled]:
    """One table for each set of pictures, on equal conditions; rows by backbone and quantizer."""
    groups: dict[tuple[str, int, str], list[Stability]] = {}
    for one in sorted(measured, key=lambda one: (one.backbone, one.quantizer.name, one.tokenizer)):
        where = f"{one.environment.processor}, threads: {one.environment.threads}, torch {one.environment.torch}"
        groups.setdefault((one.data["fingerprint"], one.batch_size, where), []).append(one)
    return [
        Titled(
            f"{some[0].data['name']}, {some[0].data['test']['pictures']} pictures in batches of {size} · {where} · "
            f"{some[0].protocol}",
            _cells(some),
        )
        for (_, size, where), some in groups.items()
    ]


def _cells(measured: Sequence[Stability]) -> pd.DataFrame:
    names = dict.fromkeys(name for one in measured for name in (*(c.name for c in one.changes), *one.missing))
    shares = sorted({of.share for one in measured for of in one.replaced})
    columns = {
        "quantizer": [Cell(one.quantizer.name) for one in measured],
        "network": [Cell(one.backbone) for one in measured],
        "bits": [Cell(f"{one.quantizer.bits_per_position or 0:.4g}") for one in measured],
        "PSNR ↑": [Cell(f"{one.psnr:.2f}") for one in measured],
    }
    for name in names:
        columns[name] = [Cell(_change(one, name)) for one in measured]
    for share in shares:
        by_share = [{of.share: of.psnr for of in one.replaced} for one in measured]
        columns[f"{share:.0%} replaced"] = [Cell(f"{of[share]:.2f}" if share in of else "–") for of in by_share]
    columns["invariant ×"] = [Cell(f"{one.invariant_price:.2f}") for one in measured]
    return pd.DataFrame(columns)


def _change(one: Stability, name: str) -> str:
    found = next((change for change in one.changes if change.name == name), None)
    if found is None:
        return "–"
    lost = round(found.psnr_lost, 2) + 0.0  # no minus before a zero
    return f"{100 * found.changed:.3g} ({lost:.2f})".replace("-", "−")
