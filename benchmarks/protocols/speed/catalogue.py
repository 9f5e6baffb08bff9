"""Every work that is measured, with its goal where DESIGN.md, section 4, sets one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.protocols.speed.accumulation import accumulation_work
from benchmarks.protocols.speed.backbone import IN_SINGLE, backbone_work, mixed_backbone_work
from benchmarks.protocols.speed.decode import fsq_decode_work, lfq_decode_work, vq_decode_work
from benchmarks.protocols.speed.entropy import entropy_work
from benchmarks.protocols.speed.fidelity import TORCHMETRICS, fidelity_work
from benchmarks.protocols.speed.goals import TimesFaster, TimesTheTime
from benchmarks.protocols.speed.methods import fsq, lfq, rq, vq_ema, zoo
from benchmarks.protocols.speed.names import DIFFUSERS, FAISS, NAIVE, TRANSFORMERS, VECTOR_QUANTIZE
from benchmarks.protocols.speed.networks import decoding_work, encoding_work
from benchmarks.protocols.speed.sampling import sampling_work
from benchmarks.protocols.speed.search import (
    ONE_BY_ONE,
    huge_search_work,
    leech_search_work,
    search_over_rows,
    search_work,
)
from benchmarks.protocols.speed.sizes import SWEEP, SWEPT
from benchmarks.protocols.speed.steps import eval_work, training_work
from benchmarks.protocols.speed.work import Work


def works() -> list[Work]:
    """All works but the sweep's, in the order of the table."""
    return [
        search_work(8192, 256, 1024, (TimesTheTime(FAISS, 0.6),)),
        search_work(16384, 64, 512, (TimesTheTime(FAISS, 0.5),)),
        search_work(8192, 32, 4096, (TimesTheTime(FAISS, 0.95),)),
        search_work(8192, 8, 16384, (TimesTheTime(FAISS, 0.15),)),
        *search_over_rows(8, 8192, (TimesTheTime(FAISS, 1.1),)),
        *search_over_rows(8, 16384, (TimesTheTime(FAISS, 1.1),)),
        *search_over_rows(16, 1024, (TimesTheTime(FAISS, 1.1),)),
        *search_over_rows(256, 1024, (TimesTheTime(FAISS, 0.8),)),
        huge_search_work(65536, 8, 262144),
        leech_search_work(2048, (TimesFaster(ONE_BY_ONE, 1),)),
        training_work(vq_ema(8192, 256, 1024), (TimesFaster(VECTOR_QUANTIZE, 12),)),
        training_work(vq_ema(8192, 8, 16384), (TimesFaster(VECTOR_QUANTIZE, 60),)),
        training_work(vq_ema(16384, 64, 512), (TimesFaster(VECTOR_QUANTIZE, 12),)),
        training_work(rq(2048, 256, 1024, 4), (TimesFaster(VECTOR_QUANTIZE, 5),)),
        training_work(fsq(8192, (8, 5, 5, 5)), (TimesFaster(VECTOR_QUANTIZE, 2),)),
        training_work(fsq(262144, (8,) * 6), (TimesFaster(VECTOR_QUANTIZE, 3),)),
        training_work(lfq(2048, 14), (TimesFaster(VECTOR_QUANTIZE, 250),)),
        training_work(zoo(8192)),
        eval_work(vq_ema(8192, 256, 1024)),
        eval_work(rq(2048, 256, 1024, 4)),
        eval_work(fsq(8192, (8, 5, 5, 5))),
        eval_work(lfq(2048, 14), (TimesFaster(VECTOR_QUANTIZE, 1),)),
        entropy_work(2048, 14),
        entropy_work(2048, 18, fewer=14),
        vq_decode_work(65536, 256, 1024),
        fsq_decode_work(65536, (8,) * 6),
        lfq_decode_work(65536, 18),
        lfq_decode_work(65536, 48, fewer=18),
        accumulation_work(64, 2048),
        fidelity_work(32, 256, (TimesFaster(TORCHMETRICS, 3),)),
        backbone_work(8, 64, (TimesFaster(DIFFUSERS, 1.5),)),
        backbone_work(1, 256, (TimesFaster(DIFFUSERS, 1.3),), long=True),
        mixed_backbone_work(8, 64, (TimesFaster(IN_SINGLE, 2),)),
        mixed_backbone_work(1, 256, (TimesFaster(IN_SINGLE, 2),), long=True),
        encoding_work(150, (TimesFaster(TRANSFORMERS, 1.2),)),
        decoding_work(150, (TimesFaster(TRANSFORMERS, 1.2),)),
        sampling_work(8, 256, 2, (TimesFaster(f"{NAIVE}: no cache", 10),)),
        *_coding_works(),
    ]


def _coding_works() -> Iterator[Work]:
    """None without the entropy coder, which is of the extra `compression`."""
    if find_spec("constriction") is not None:
        from benchmarks.protocols.speed.coding import coding_work

        yield coding_work(16, 256, 2, (TimesFaster(f"{NAIVE}: no cache", 5),))


def find_work(name: str) -> Work:
    """The work of this name."""
    return next(work for work in (*works(), *sweep_works()) if work.name == name)


def sweep_works() -> list[Work]:
    """Search and VQ-EMA training step at every size of the sweep, each once."""
    points = [{**SWEPT, axis: size} for axis, sizes in SWEEP.items() for size in sizes]
    shapes = dict.fromkeys((point["N"], point["D"], point["K"]) for point in points)
    searches = [search_work(n, d, k) for n, d, k in shapes]
    return searches + [training_work(vq_ema(n, d, k)) for n, d, k in shapes]
