"""Priors and what was drawn from them, in the tables of the runs that they are on.

Beside a run's own numbers stand those of one prior and of one sampling of it: the only one that there is, or of several
the one that nothing was changed of. All of several have rows of their own, in a table that follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.records.priors import Generation
from benchmarks.tables.columns import BY_NAME, COLUMNS, GENERATION

APART = " · priors, and what was drawn from them"
"""Ends the title of a table of several."""


def tables(frame: pd.DataFrame, generations: Sequence[Generation]) -> Iterator[tuple[pd.DataFrame, list[Generation]]]:
    """The runs of each table that has priors, and these."""
    if not generations:
        return
    for _, part in frame.groupby(["group", "settings"], sort=False):
        runs = set(part["id"])
        if here := [of for of in generations if of.prior.run in runs]:
            yield part, here


def prior_files(frame: pd.DataFrame, generations: Sequence[Generation]) -> dict[str, list[Path]]:
    """The priors' files, by the ids in `with_generations` and `apart` of the rows that have their bits."""
    files = {of.record.id: [of.path] for of in generations}
    for _, here in tables(frame, generations):
        files |= {of.prior.run: [of.path] for of in beside(here)}
    return files


def with_generations(frame: pd.DataFrame, generations: Sequence[Generation]) -> pd.DataFrame:
    """The runs of `summaries.to_frame` with the numbers of the prior and the sampling that stand beside them."""
    if not generations:
        return frame
    numbers: dict[str, dict[str, float | None]] = {}
    for _, here in tables(frame, generations):
        for of in beside(here):
            numbers[of.prior.run] = of.prior.numbers
        for of in beside(here, with_sampling=True):
            numbers[of.prior.run] = of.numbers
    frame = frame.copy()
    for column in GENERATION:
        values = [numbers.get(run, {}).get(column.name) for run in frame["id"]]
        frame[column.heading] = np.array(values, float)
    return frame


def apart(frame: pd.DataFrame, generations: Sequence[Generation]) -> pd.DataFrame:
    """A row for each prior and sampling on each run, where a table has several of them: under a title and labels of
    their own, with the id of the sampling and all numbers. Columns and the rest as in `frame`."""
    rows: list[dict[str, Any]] = []
    of_runs = [column.heading for column in COLUMNS if column not in GENERATION and column != BY_NAME["bits"]]
    for part, here in tables(frame, generations):
        if (
            len({of.prior.settings for of in here}) < 2
            and len({of.sampling.settings for of in here if of.sampling}) < 2
        ):
            continue
        names = labels(here)
        runs = {row["id"]: row for row in part.to_dict("records")}
        for of in here:
            row = runs[of.prior.run]
            own = {column.heading: of.numbers.get(column.name) for column in GENERATION}
            label = (
                f"{row['quantizer']} {names[of.prior.settings, of.sampling.settings if of.sampling else '']}".strip()
            )
            named = {"group": row["group"] + APART, "quantizer": label, "id": of.record.id, "trained": True}
            rows.append({**row, **dict.fromkeys(of_runs, np.nan), **own, **named})
    found = pd.DataFrame(rows, columns=frame.columns)
    return found.astype(frame.dtypes.to_dict()).drop_duplicates(["settings", "quantizer", "rate", "seed"])


def beside(here: Sequence[Generation], with_sampling: bool = False) -> list[Generation]:
    """Those of the one prior that stands beside the runs of a table, or of its one sampling; none where none is."""
    one = _the_one({of.prior.settings: of.prior.changes for of in here})
    of_prior = [of for of in here if of.prior.settings == one]
    if not with_sampling:
        return of_prior
    one = _the_one({of.sampling.settings: of.sampling.changes for of in of_prior if of.sampling})
    return [of for of in of_prior if of.sampling and of.sampling.settings == one]


def labels(here: Sequence[Generation]) -> dict[tuple[str, str], str]:
    """What tells several priors and samplings apart, by the digests of their settings: what was changed of the presets,
    and the digest where that is the same."""
    priors = _names({of.prior.settings: of.prior.changes for of in here})
    samplings = _names({of.sampling.settings: of.sampling.changes for of in here if of.sampling})
    return {of.settings: " ".join(filter(None, (priors[of.settings[0]], samplings.get(of.settings[1])))) for of in here}


def hidden(here: Sequence[Generation]) -> list[str]:
    """What is to be said of the priors of a table where none of them stands beside its runs."""
    if not here or beside(here):
        return []
    named = "; ".join(sorted({of.prior.label for of in here}))
    return [
        "there are several priors and none of them is the preset's own: each has rows of its own, and stands beside "
        f"the runs with --prior DIGEST: {named}"
    ]


def changed(changes: Mapping[str, Any]) -> str:
    """What was changed, in a few words: "temperature=0.9 top-p=0.95"."""
    words = ((name.removeprefix("generation.sampling.").replace("_", "-"), value) for name, value in changes.items())
    return " ".join(
        f"{name}={','.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in sorted(words)
    )


def _the_one(changes: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Of settings the only ones, or the only ones without changes."""
    unchanged = [key for key, changed in changes.items() if not changed]
    several = list(changes) if len(changes) == 1 else unchanged
    return several[0] if len(several) == 1 else None


def _names(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    if len(changes) == 1:
        return dict.fromkeys(changes, "")  # nothing to be told from
    words = {key: changed(of) for key, of in changes.items()}
    shared = Counter(words.values())
    return {key: text if shared[text] == 1 else f"{text} ({key})".strip() for key, text in words.items()}
