"""Data, training, metrics, protocols, tables and plots; one module per command. In Python:

from benchmarks import load_run
run = load_run("RUN.json")  # its record, tokenizer and prior
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.training.loading import LoadedRun, load_run

__all__ = ["LoadedRun", "load_run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from benchmarks.training import loading  # takes seconds, which the commands' help need not wait for

    return getattr(loading, name)
