"""The quantizer zoo: one file per method behind one contract (see `quantizers.base`)."""

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.fsq import FSQ
from quantizers.gumbel import Gumbel
from quantizers.lfq import LFQ
from quantizers.none import NoQuantizer
from quantizers.registry import (
    Registration,
    create_quantizer,
    list_quantizers,
    quantizer_class,
    quantizer_options,
    register_quantizer,
)
from quantizers.rq import RQ
from quantizers.vq import VQ
from quantizers.vq_ema import VQEMA

__all__ = [
    "FSQ",
    "LFQ",
    "RQ",
    "VQ",
    "VQEMA",
    "Gumbel",
    "NoQuantizer",
    "Quantizer",
    "QuantizerOutput",
    "Registration",
    "RowOutput",
    "create_quantizer",
    "list_quantizers",
    "quantizer_class",
    "quantizer_options",
    "register_quantizer",
]
