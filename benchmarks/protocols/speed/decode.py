"""Works of decoding: codes back into vectors, in eval mode."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.protocols.speed import peers
from benchmarks.protocols.speed.names import NAIVE, OURS, VECTOR_QUANTIZE
from benchmarks.protocols.speed.work import Competitor, Unavailable, Work
from quantizers import Quantizer, create_quantizer

TABLE_CODES = 2**24
"""Largest vocabulary that is held as a table here; the peer's LFQ and FSQ hold one too."""


def decode_work(
    subject: str,
    sizes: dict[str, int],
    build: Callable[[], Quantizer],
    peer: Callable[[], peers.OneSequence],
    smaller: tuple[str, Callable[[], Quantizer]] | None = None,
) -> Work:
    """N random codes of a quantizer, by itself, by the peer's, and looked up in a table of all its vectors.

    Args:
        subject: which quantizer.
        sizes: with the number of codes as N.
        build: our quantizer, with one code per position.
        peer: the package's.
        smaller: a name and a quantizer with fewer codes, to see what the vocabulary costs.
    """
    n, size = sizes["N"], build().codebook_size

    def ours(build: Callable[[], Quantizer]) -> Callable[[torch.device], Callable[[], Any]]:
        def make(device: torch.device) -> Callable[[], Any]:
            quantizer = build().to(device).eval()
            return _decoding(quantizer.decode, _random_codes(n, quantizer.codebook_size, device).unsqueeze(1))

        return make

    def theirs(device: torch.device) -> Callable[[], Any]:
        _require_table(size)
        return _decoding(peer().to(device).eval().decode, _random_codes(n, size, device))

    def lookup(device: torch.device) -> Callable[[], Any]:
        _require_table(size)
        with torch.no_grad():
            table = build().to(device).decode(torch.arange(size, device=device).unsqueeze(1))
        return _decoding(lambda codes: table[codes], _random_codes(n, size, device))

    competitors = [
        Competitor(OURS, "decode", ours(build)),
        Competitor(VECTOR_QUANTIZE, "get_output_from_indices or indices_to_codes", theirs),
        Competitor(f"{NAIVE}: table", "an index into a table of all vectors, made before", lookup),
    ]
    if smaller is not None:
        competitors.append(Competitor(f"{OURS}: {smaller[0]}", "the same", ours(smaller[1])))
    return Work("decode", subject, sizes, tuple(competitors))


def _random_codes(n: int, size: int, device: torch.device) -> Int64[Tensor, " n"]:
    return torch.randint(size, (n,), generator=torch.Generator().manual_seed(0)).to(device)


def _decoding(decode: Callable[[Tensor], Tensor], codes: Tensor) -> Callable[[], Any]:
    @torch.no_grad()
    def work() -> Any:
        return decode(codes)

    return work


def _require_table(size: int) -> None:
    if size > TABLE_CODES:
        raise Unavailable(f"it would hold a table of all {size:.1e} vectors")


def vq_decode_work(n: int, d: int, k: int) -> Work:
    """Rows of a learned codebook."""
    return decode_work(
        "vq-ema",
        {"N": n, "D": d, "K": k},
        lambda: create_quantizer("vq-ema", dim=d, codebook_size=k),
        lambda: peers.vector_quantize(n, d, k),
    )


def fsq_decode_work(n: int, levels: tuple[int, ...]) -> Work:
    """Digits of a mixed-radix number."""
    return decode_work(
        f"fsq {'×'.join(map(str, levels))}",
        {"N": n, "D": len(levels)},
        lambda: create_quantizer("fsq", levels=levels),
        lambda: peers.fsq(levels),
    )


def lfq_decode_work(n: int, bits: int, fewer: int | None = None) -> Work:
    """Bits of an integer; beside itself at `fewer` bits, if given."""
    return decode_work(
        "lfq",
        {"N": n, "bits": bits},
        lambda: create_quantizer("lfq", bits=bits),
        lambda: peers.lfq(bits),
        None if fewer is None else (f"{fewer} bits", lambda: create_quantizer("lfq", bits=fewer)),
    )
