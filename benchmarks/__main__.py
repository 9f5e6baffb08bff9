"""All commands under one name: `quantizer-zoo`, or `python -m benchmarks`.

    quantizer-zoo                         what there is
    quantizer-zoo run --quantizer fsq     the same as python -m benchmarks.run --quantizer fsq

As a script it finds this package even where the working folder has a folder `benchmarks` of its own.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import runpy
import sys
from pathlib import Path

DISTRIBUTION = "quantizer-zoo-benchmark"

COMMANDS = {
    "run": ("benchmarks.run", "train tokenizers, measure them and show their rows"),
    "compare": ("benchmarks.compare", "stored runs as tables"),
    "report": ("benchmarks.report", "stored runs as one HTML file"),
    "plot": ("benchmarks.plot", "stored runs as pictures"),
    "sweep": ("benchmarks.sweep", "many runs from one file, here or on a cluster"),
    "sweep.worker": ("benchmarks.sweep.worker", "one run of a sweep, which starts it itself"),
    "evaluate": ("benchmarks.evaluate", "measure stored or published tokenizers, or anybody's reconstructions"),
    "explain": ("benchmarks.explain", "what each choice of a protocol moves"),
    "generate": ("benchmarks.generate", "train priors on codes, and draw new pictures"),
    "compress": ("benchmarks.compress", "pictures, sounds and films as files of codes, and back"),
    "tokens": ("benchmarks.tokens", "the codes of a data set, for priors and language models"),
    "export": ("benchmarks.export", "tokenizers as ONNX or torch.export programs, compared with the original"),
    "stability": ("benchmarks.stability", "how far codes stay the same: batch, precision, graph, encoding again"),
    "reproduce": ("benchmarks.reproduce", "make stored runs again, and say whether the numbers agree"),
    "throughput": ("benchmarks.throughput", "time the methods of stored runs together"),
    "sources": ("benchmarks.sources", "quantizers on known sources, beside Shannon's bound"),
    "speed": ("benchmarks.speed", "quantizers beside the packages in use: time and memory"),
    "speed.positions": ("benchmarks.speed.positions", "what a position costs in sampling"),
    "check": ("quantizers.testing", "does a quantizer keep the contract?"),
    "catalogue": ("benchmarks.catalogue", "lists of the quantizers and of the published tokenizers"),
    "weights": ("benchmarks.weights", "fetch the networks of LPIPS and FID"),
    "notebooks": ("benchmarks.notebooks", "run the notebooks of results/"),
}
"""By name: the module, and what it is for."""


def overview() -> str:
    """What is there, as text."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:{width}}{what}" for name, (_, what) in COMMANDS.items()]
    usage = "usage: quantizer-zoo COMMAND …, quantizer-zoo COMMAND --help, quantizer-zoo --version"
    return "\n".join([usage, "", "Which quantizer should a tokenizer have? Train, measure and compare.", "", *lines])


def main() -> None:
    """The command named by the first word, with the others; ends the process."""
    name, *words = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print(overview())
        return
    if name == "--version":
        print(f"quantizer-zoo {importlib.metadata.version(DISTRIBUTION)}")
        return
    if importlib.util.find_spec("tyro") is None and name != "check":
        print(f"error: the commands need the extra: pip install '{DISTRIBUTION}[benchmarks]'", file=sys.stderr)
        sys.exit(2)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"error: no command {name!r}: {hint}", file=sys.stderr)
        sys.exit(2)
    sys.argv = [sys.argv[0], *words]
    runpy.run_module(COMMANDS[name][0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if not __package__:  # started by its path, which puts this folder first where modules are looked for
        sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
