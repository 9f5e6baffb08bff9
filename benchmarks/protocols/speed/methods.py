"""The quantizers that are trained and evaluated side by side: ours, the package in use, and the naive form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from benchmarks.protocols.speed import naive, peers
from benchmarks.protocols.speed.names import NAIVE, OURS, VECTOR_QUANTIZE
from benchmarks.protocols.speed.work import Unavailable
from quantizers import Quantizer, create_quantizer, list_quantizers, quantizer_options

ZOO_BITS, ZOO_DIM, ZOO_REFERENCE = 10, 16, "vq-ema"

EMA = "decay 0.99, commitment 0.25, a code is dead below 1/4 of the mean count"
OURS_EMA = f"{EMA}; the k-means of the first step is not timed"
PEER_EMA = f"{EMA}; rotation_trick=False, no k-means"
NAIVE_EMA = "decay 0.99, commitment 0.25, no dead codes; cdist, argmin, one-hot codes, two products"
LFQ = "entropy 0.1, diversity 1, commitment 0.25, temperature 1/100"


@dataclass(frozen=True)
class Implementation:
    """One way to do it, and how to build it.

    What is built takes rows (N, `dim`), where `dim` is an attribute of it, and returns a tuple of the quantized rows,
    the codes and, where the method has one, a loss.
    """

    name: str
    given: str
    build: Callable[[], nn.Module]


@dataclass(frozen=True)
class Method:
    """One method by several implementations, the reference first; `sizes` has the number of rows as N."""

    subject: str
    sizes: Mapping[str, int]
    implementations: tuple[Implementation, ...]


def vq_ema(n: int, d: int, k: int) -> Method:
    """VQ with an EMA codebook."""
    return Method(
        "vq-ema",
        {"N": n, "D": d, "K": k},
        (
            Implementation(OURS, OURS_EMA, lambda: create_quantizer("vq-ema", dim=d, codebook_size=k)),
            Implementation(VECTOR_QUANTIZE, f"VectorQuantize: {PEER_EMA}", lambda: peers.vector_quantize(n, d, k)),
            Implementation(f"{NAIVE}: one-hot", NAIVE_EMA, lambda: naive.OneHotVQ(d, k)),
        ),
    )


def rq(n: int, d: int, k: int, depth: int) -> Method:
    """Residual VQ with an EMA codebook for each depth."""
    each = "a codebook for each depth"
    options = {"dim": d, "codebook_size": k, "codes_per_position": depth, "shared": False}
    return Method(
        "rq",
        {"N": n, "D": d, "K": k, "codes": depth},
        (
            Implementation(OURS, f"{each}; {OURS_EMA}", lambda: create_quantizer("rq", **options)),
            Implementation(
                VECTOR_QUANTIZE, f"ResidualVQ, {each}; {PEER_EMA}", lambda: peers.residual_vq(n, d, k, depth)
            ),
            Implementation(f"{NAIVE}: one-hot", f"{each}; {NAIVE_EMA}", lambda: naive.OneHotRQ(d, k, depth)),
        ),
    )


def fsq(n: int, levels: tuple[int, ...]) -> Method:
    """FSQ; its naive form is the peer's."""
    return Method(
        f"fsq {'×'.join(map(str, levels))}",
        {"N": n, "D": len(levels)},
        (
            Implementation(OURS, "as it comes", lambda: create_quantizer("fsq", levels=levels)),
            Implementation(VECTOR_QUANTIZE, "FSQ as it comes", lambda: peers.fsq(levels)),
        ),
    )


def lfq(n: int, bits: int) -> Method:
    """LFQ with its entropy loss; its naive form is the peer's."""
    return Method(
        "lfq",
        {"N": n, "D": bits},
        (
            Implementation(OURS, LFQ, lambda: create_quantizer("lfq", bits=bits)),
            Implementation(VECTOR_QUANTIZE, f"LFQ: {LFQ}; entropies over all 2^{bits} codes", lambda: peers.lfq(bits)),
        ),
    )


def zoo(n: int) -> Method:
    """Every registered quantizer at one rate; those that leave their width to the user get ZOO_DIM channels."""

    def builder(name: str) -> Callable[[], Quantizer]:
        def build() -> Quantizer:
            width = {"dim": ZOO_DIM} if "dim" in quantizer_options(name) else {}
            try:
                return create_quantizer(name, bits=ZOO_BITS, **width)
            except ValueError as error:
                raise Unavailable(str(error)) from error

        return build

    names = sorted((entry.name for entry in list_quantizers()), key=lambda name: (name != ZOO_REFERENCE, name))
    return Method(
        f"every quantizer at {ZOO_BITS} bits,",
        {"N": n, "D": ZOO_DIM},
        tuple(Implementation(name, f"bits={ZOO_BITS}, its paper's options", builder(name)) for name in names),
    )
