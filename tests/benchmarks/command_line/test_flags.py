"""Settings as the words that a command line has for them."""

from benchmarks.command_line.flags import as_flags
from benchmarks.training.arguments import parse


def test_values_of_all_kinds() -> None:
    values = {"train.batch_size": 8, "data.flip": False, "force": True, "model.multipliers": (1, 2), "data.root": None}
    words = ["--train.batch-size", "8", "--data.no-flip", "--force", "--model.multipliers", "1", "2", "--data.root"]
    assert as_flags(values) == [*words, "None"]


def test_nested_values_are_read_back() -> None:
    """The command of a run with other strides makes the same run again."""
    words = ["--preset", "video-smoke", "--quantizer", "fsq"]
    own = parse([*words, "--model.strides", "1", "2", "1", "1"])
    assert own.model.strides == ((1, 2), (1, 1))
    assert parse([*words, *as_flags({"model.strides": own.model.strides})]) == own
