"""The quantizer zoo: one file per method behind one contract (see `quantizers.base`)."""

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.bsq import BSQ
from quantizers.diveq import DiVeQ
from quantizers.fsp import FSP
from quantizers.fsq import FSQ
from quantizers.fvq import FVQ
from quantizers.gumbel import Gumbel
from quantizers.ibq import IBQ
from quantizers.lfq import LFQ
from quantizers.multi_scale import MultiScale
from quantizers.none import NoQuantizer
from quantizers.pq import PQ
from quantizers.registry import (
    Registration,
    create_quantizer,
    list_quantizers,
    quantizer_class,
    quantizer_options,
    register_quantizer,
)
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
    "IBQ",
    "LFQ",
    "PQ",
    "RQ",
    "VQ",
    "VQEMA",
    "DiVeQ",
    "Gumbel",
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
    "register_quantizer",
]
