"""Pictures of stored runs, as matplotlib figures.

style, groups, quality  what all pictures share: how methods look, what may be compared, what quality is
rate_distortion         quality over bits
modelled_rate           quality over the bits that codes cost under a prior
cost                    quality against training and encoding cost, with the Pareto front
training                curves of each term
scaling                 quality over the length of the training
codes                   how evenly codebooks are used, and each code of a position
reconstructions         originals, reconstructions and where they err
recordings              of sounds and films: quality over the bitrate, and what they look like
saving                  files

`python -m benchmarks.plot` draws them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from benchmarks.plots.codes import rank_frequency, usage_histograms, use_of_each_code
from benchmarks.plots.cost import quality_against_cost
from benchmarks.plots.groups import Group, groups, rates
from benchmarks.plots.modelled_rate import modelled_rate
from benchmarks.plots.rate_distortion import rate_distortion
from benchmarks.plots.reconstructions import reconstruction_grid
from benchmarks.plots.recordings import film_grid, quality_over_bitrate, sound_grid
from benchmarks.plots.scaling import quality_over_length, scales
from benchmarks.plots.style import wrapped
from benchmarks.plots.training import training_curves
from benchmarks.records.priors import Generation
from benchmarks.records.record import Record
from benchmarks.records.throughput import Throughput

__all__ = ["EACH_RATE", "WHOLE", "Kind", "figures", "groups", "rates"]


class Kind(NamedTuple):
    """A kind of picture: end of its file's name, title, and how it is drawn (None: the runs have nothing to draw)."""

    stem: str
    title: str
    draw: Callable[[Group], Figure | None]


WHOLE = (
    Kind("rate-distortion", "Quality over bits, mean ± standard deviation over seeds", rate_distortion),
    Kind("bitrate", "Quality over the bitrate, mean ± standard deviation over seeds", quality_over_bitrate),
    Kind("modelled-rate", "Quality over modelled bits, mean ± standard deviation over seeds", modelled_rate),
)
"""Pictures of a whole group."""

EACH_RATE = (
    Kind("cost", "Quality against cost, mean ± standard deviation over seeds", quality_against_cost),
    Kind("training", "Training, mean ± standard deviation over seeds", training_curves),
    Kind("usage", "How often codes are used", usage_histograms),
    Kind("codebooks", "How much each code of a position is used", use_of_each_code),
    Kind("rank-frequency", "Frequency of codes by rank", rank_frequency),
    Kind("reconstructions", "Reconstructions of the first seed, and their errors", reconstruction_grid),
    Kind("sounds", "Waveforms and spectrograms of the first seed", sound_grid),
    Kind("films", "Frames of the first seed", film_grid),
)
"""Pictures of the runs of one rate: at another, methods do not compare."""


def figures(
    stored: Sequence[tuple[Path, Record]],
    throughputs: Sequence[Throughput] = (),
    priors: Sequence[Generation] = (),
) -> Iterator[tuple[str, str, Figure]]:
    """All pictures that stored runs of tokenizers can give, one at a time.

    Runs that may be compared (equal protocol, preset, data and settings) share pictures, others have their own. What
    the runs lack is left out: a panel without its metric, a picture without anything to draw.

    Args:
        stored: Records with their paths, as `records.record.read_records` gives them; arrays are read from beside the
            path.
        throughputs: Speeds of methods timed together, as `records.throughput.read_throughputs` gives them; they stand
            in for those of the runs, as in the tables.
        priors: What was measured of priors, as `records.priors.chosen` gives it; of several one is drawn, as
            `tables.generated` says.

    Yields:
        File stem (no two alike), title of one line, and the figure, which has no state in pyplot.
    """
    for group in groups(stored, throughputs, priors):
        for part, kinds in ((group, WHOLE), *((part, EACH_RATE) for part in rates(group))):
            for kind in kinds:
                figure = kind.draw(part)
                if figure is not None:
                    lines = wrapped(part.title, round(13 * figure.get_figwidth()))
                    figure.suptitle(f"{kind.title}\n{lines}", fontsize=10, parse_math=False)
                    yield f"{part.stem}-{kind.stem}", f"{kind.title} · {part.title}", figure
    for lengths in scales(stored):
        figure = quality_over_length(lengths)
        figure.suptitle(f"Quality over the length of the training\n{wrapped(lengths.title, 100)}", fontsize=10)
        yield f"{lengths.stem}-length", f"Quality over the length of the training · {lengths.title}", figure
