"""The quantizer zoo: one file per method behind one contract (see `quantizers.base`).

Classes are imported at their first use, so that the registry can be read without torch.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from quantizers.registry import (
    Registration,
    create_quantizer,
    list_quantizers,
    quantizer_class,
    quantizer_options,
)
from quantizers.zoo import ZOO

if TYPE_CHECKING:
    from quantizers.base import Quantizer, QuantizerOutput, RowOutput
    from quantizers.bsq import BSQ
    from quantizers.diveq import DiVeQ
    from quantizers.fsp import FSP
    from quantizers.fsq import FSQ
    from quantizers.fvq import FVQ
    from quantizers.gq import GQ
    from quantizers.gumbel import Gumbel
    from quantizers.ibq import IBQ
    from quantizers.leech import Leech
    from quantizers.lfq import LFQ
    from quantizers.lgq import LGQ
    from quantizers.multi_scale import MultiScale
    from quantizers.none import NoQuantizer
    from quantizers.pq import PQ
    from quantizers.rq import RQ
    from quantizers.simvq import SimVQ
    from quantizers.vq import VQ
    from quantizers.vq_cosine import VQCosine
    from quantizers.vq_ema import VQEMA

__all__ = [
    "BSQ",
    "FSP",
    "FSQ",
    "FVQ",
    "GQ",
    "IBQ",
    "LFQ",
    "LGQ",
    "PQ",
    "RQ",
    "VQ",
    "VQEMA",
    "DiVeQ",
    "Gumbel",
    "Leech",
    "MultiScale",
    "NoQuantizer",
    "Quantizer",
    "QuantizerOutput",
    "Registration",
    "RowOutput",
    "SimVQ",
    "VQCosine",
    "create_quantizer",
    "list_quantizers",
    "quantizer_class",
    "quantizer_options",
]

_MODULES = {name: module for module, _, name in (entry.place.partition(":") for entry in ZOO)}
_MODULES |= dict.fromkeys(("Quantizer", "QuantizerOutput", "RowOutput"), "quantizers.base")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found = getattr(importlib.import_module(_MODULES[name]), name)
    elif importlib.util.find_spec(f"{__name__}.{name}"):
        found = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
