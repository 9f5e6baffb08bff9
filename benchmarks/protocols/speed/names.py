"""What competitors are called."""

OURS = "ours"
VECTOR_QUANTIZE = "vector-quantize-pytorch"
FAISS = "faiss-cpu"
TRANSFORMERS = "transformers"
DIFFUSERS = "diffusers"
NAIVE = "naive"

OVER_ROWS = "search over N"
"""The kind of the works that are one search at several numbers of rows."""


def family(competitor: str) -> str:
    """One of the names above: a competitor may add to it, after a colon, what is special about it."""
    return competitor.partition(":")[0]
