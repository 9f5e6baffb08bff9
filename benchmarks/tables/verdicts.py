"""What is said under a table of a summary: where it measures the training, where a codec is not worse, what was not
tested."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.records import baselines, statistics
from benchmarks.tables.columns import BY_NAME, Column, columns_of
from benchmarks.tables.comparable import BASELINES, CODECS

PSNR, MEL, PESQ, KBPS = (BY_NAME[name] for name in ("psnr", "mel_distance", "pesq", "kbps"))


def verdict(rows: pd.DataFrame) -> str:
    """All of it in sentences; empty where nothing is to be said.

    Args:
        rows: One table of what `summaries.summarise` gives.
    """
    has_sounds = MEL.heading in rows and rows[MEL.heading].notna().any()
    said = _codecs_not_worse(rows, PESQ if has_sounds else PSNR) + _untested(rows)
    if of_training := _of_sounds(rows) if has_sounds else _of_pictures(rows):
        said.insert(0, f"This table measures the training and not the quantizers: {'; '.join(of_training)}.")
    return " ".join(said)


def _of_pictures(rows: pd.DataFrame) -> list[str]:
    """Where rows, of films too, are no better than what needs no network. Of each network that which does best without
    a quantizer counts."""
    quality = rows[PSNR.heading]
    found = []
    ceilings = quality[rows["name"] == "none"].dropna().groupby([rows["backbone"], rows["bpp"]], sort=False).idxmax()
    for bpp, of_networks in rows.loc[ceilings].groupby("bpp"):
        linear = quality[(rows["name"] == baselines.PCA) & (rows["bpp"] == bpp)].max()
        below = of_networks[quality[of_networks.index] <= linear]
        if len(below):
            names = (f"{row['quantizer']} ({PSNR.format(row[PSNR.heading], np.nan)} dB)" for _, row in below.iterrows())
            found.append(
                f"{', '.join(names)} {'is' if len(below) == 1 else 'are'} not above pca "
                f"({PSNR.format(linear, np.nan)} dB), a linear transform to as many channels"
            )
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = ~rivals["name"].isin(BASELINES)
        best, classical = quality[rivals.index[competes]].max(), quality[rivals.index[~competes]].max()
        if best <= classical:
            found.append(
                f"at {rate} bits no quantizer ({PSNR.format(best, np.nan)} dB at best) is above kmeans "
                f"({PSNR.format(classical, np.nan)} dB), vector quantization of raw pixels"
            )
    return found


def _of_sounds(rows: pd.DataFrame) -> list[str]:
    """Where the transform is not beaten at equal bits."""
    found = []
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = rivals[~rivals["name"].isin(BASELINES)]
        mel, classical = competes[MEL.heading].min(), rivals.drop(competes.index)[MEL.heading].min()
        if mel >= classical:
            found.append(
                f"at {rate} bits no quantizer (mel {MEL.format(mel, np.nan)} at best) is below mdct-kmeans "
                f"({MEL.format(classical, np.nan)}), k-means of a transform"
            )
    return found


def _codecs_not_worse(rows: pd.DataFrame, quality: Column) -> list[str]:
    """Of each rate the best codec at no more bits a second than its quantizers, where none of these is better."""
    if quality.heading not in rows or KBPS.heading not in rows:
        return []
    found = []
    of_codecs = rows[rows["name"].isin(CODECS)]
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = rivals[~rivals["name"].isin(BASELINES)]
        best, kbps = competes[quality.heading].max(), competes[KBPS.heading].max()
        codecs = of_codecs[of_codecs[KBPS.heading] <= kbps].dropna(subset=[quality.heading])
        if len(codecs) and (codec := codecs.loc[codecs[quality.heading].idxmax()])[quality.heading] >= best:
            name, codec_name = quality.heading.removesuffix(" ↑"), str(codec["quantizer"])
            found.append(
                f"{codec_name[0].upper()}{codec_name[1:]} ({KBPS.format(codec[KBPS.heading], np.nan)} kbit/s, {name} "
                f"{quality.format(codec[quality.heading], np.nan)}) is not worse than every quantizer at {rate} bits "
                f"({KBPS.format(kbps, np.nan)} kbit/s, {quality.format(best, np.nan)} at best)."
            )
    return found


def _untested(rows: pd.DataFrame) -> list[str]:
    """Rates at which nothing can be tested."""
    marks = [f"{column.heading} best" for column in columns_of(rows) if column.better is not None]
    competing = rows[~rows["name"].isin(BASELINES) & (rows["rate"] > 0)]
    rates = [
        str(rate)
        for rate, rivals in competing.groupby("rate")
        if len(rivals) > 1 and not rivals[marks].to_numpy().any()
    ]
    if not rates:
        return []
    return [
        f"Nothing is bold at {', '.join(rates)} bits, where no difference can be tested: that takes "
        f"{statistics.FEWEST_SEEDS} seeds of each row, and several test pictures."
    ]
