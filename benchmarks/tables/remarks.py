"""What to know before reading the numbers of a table: why columns are empty, and notes on the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from benchmarks.records import baselines
from benchmarks.records.record import Record
from benchmarks.tables.columns import BY_NAME
from benchmarks.tables.comparable import label

ROWS = {
    baselines.BLOCK_MEAN: "the mean colour of each block, which no quantizer may fall below",
    baselines.PCA: "a linear transform to as many channels as none has",
    "none": "the network without a quantizer, which no other exceeds",
    baselines.OPUS: "the codec in daily use for speech and calls, at its own bitrates",
    baselines.MP3: "the codec in daily use for files of music, at its own bitrates",
    baselines.MDCT_KMEANS: "k-means of a transform's blocks, which a quantizer worth its network beats at its bits",
    baselines.H264: "the codec in daily use for films (x264), at its own rates",
    baselines.HEVC: "its successor (x265), likewise",
    baselines.AV1: "the codec of the web (SVT-AV1), likewise",
    baselines.KMEANS: "vector quantization of raw pixels, which a quantizer worth its network beats at its bits",
}
"""What the rows are that compete with none."""


@dataclass
class Remarks:
    """Gathered over runs one by one, so that of a hundred thousand none need be kept."""

    rows: set[str] = field(default_factory=set)
    found: dict[tuple[bool, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Whether it explains an emptiness, its text, what it is on -> the rows that it is of."""

    def add(self, record: Record) -> None:
        """What a run says."""
        name = record.quantizer.name
        row = name if name in ROWS else label(record)  # the options of baselines are their rates
        self.rows.add(row)
        for is_note, texts in enumerate((record.missing, record.notes)):
            for name, text in texts.items():
                self.found[bool(is_note), text, name].add(row)

    def lines(self, columns: Collection[str]) -> list[str]:
        """Each remark once, with what it is on and the rows that it is of; none on a column that is not shown."""
        names: dict[tuple[bool, str, str], list[str]] = defaultdict(list)
        for (is_note, text, name), rows in self.found.items():
            if name in columns or name not in BY_NAME:
                of = "" if rows == self.rows else f" of {', '.join(sorted(rows))}"
                names[is_note, of, text].append(name)
        baselines_here = "; ".join(f"{name}: {what}" for name, what in ROWS.items() if name in self.rows)
        return [
            *([f"Baselines. {baselines_here}."] if baselines_here else []),
            *(
                f"{', '.join(sorted(on))}{of}{'' if is_note else ' are empty' if on[1:] else ' is empty'}: {text}"
                for (is_note, of, text), on in sorted(names.items())
            ),
        ]


def remarks(records: Iterable[Record], columns: Collection[str] = tuple(BY_NAME)) -> list[str]:
    """Those of some runs; `Remarks` says what."""
    gathered = Remarks()
    for record in records:
        gathered.add(record)
    return gathered.lines(columns)
