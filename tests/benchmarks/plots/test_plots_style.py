"""A method has one look, whatever else is drawn, and no two of the zoo share it, not even in grey."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.plots.style import BASELINES, PLACES, draw_legend, handles, style, wrapped
from benchmarks.tables.comparable import BASELINES as ROWS
from quantizers import list_quantizers

ZOO = [entry.name for entry in list_quantizers() if entry.name not in ROWS]


def test_every_quantizer_of_the_zoo_can_be_told_apart_by_shape_alone() -> None:
    shapes = [(look["marker"], look["fillstyle"]) for look in map(style, ZOO)]
    assert len(set(shapes)) == len(ZOO) >= 15


def test_methods_of_one_colour_have_lines_of_their_own() -> None:
    looks = [(style(name)["color"], style(name)["linestyle"]) for name in (*ZOO, *ROWS)]
    assert len(set(looks)) == len(looks)


def test_baselines_have_looks_of_their_own() -> None:
    assert set(BASELINES) == set(ROWS)
    greys = {style(name)["color"] for name in ROWS}
    assert greys == {"black", "0.45"}
    assert not greys & {style(name)["color"] for name in ZOO}
    assert len({str(style(name)["linestyle"]) for name in ROWS}) == len(ROWS)
    assert style("none dim=8") == style("none")


def test_options_keep_the_colour_and_change_the_marker() -> None:
    plain, small, large = style("fsq"), style("fsq levels=[4, 4]"), style("fsq levels=[8, 8, 8]")
    assert plain["color"] == small["color"] == large["color"]
    assert {plain["fillstyle"], small["fillstyle"]} == {"full", "none"}
    assert small != large
    assert style("fsq levels=[4, 4]") == small  # of the label alone


@pytest.mark.parametrize("name", ["my_package.my_module:Mine", "other", "another"])
def test_a_method_from_elsewhere_takes_no_listed_look(name: str) -> None:
    assert style(name) not in [style(listed) for listed in PLACES]


def test_a_figure_grows_with_its_legend_and_long_labels_are_wrapped() -> None:
    figure = Figure(figsize=(4, 1))
    draw_legend(figure, handles([f"method{i} option=a another=b third=c" for i in range(17)]))
    (legend,) = figure.legends
    assert [text.get_text().count("\n") for text in legend.get_texts()] == [1] * 17
    assert legend.get_window_extent(FigureCanvasAgg(figure).get_renderer()).height < figure.bbox.height


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("lfq weight=0.0 inverse_temperature=1.0", ["lfq weight=0.0", "inverse_", "temperature=1.0"]),
        ("fsq longshift=-1.5 multi-scale", ["fsq", "longshift=-1.5", "multi-scale"]),
        ("my quantizer-of-all", ["my quantizer-of-", "all"]),
        ("abcdefghijklmnopqrstuvw", ["abcdefghijklmnopq", "rstuvw"]),
    ],
)
def test_names_are_broken_between_their_words(label: str, lines: list[str]) -> None:
    assert wrapped(label, 17).split("\n") == lines
