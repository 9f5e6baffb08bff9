"""The shortest vectors of the Leech lattice, 196,560 of one length in 24 dimensions, by numbers; and their search.

They come in three shapes (Conway and Sloane, Sphere Packings, Lattices and Groups, chapter 10, section 3), here
numbered one after the other, with entries that make their squared length 32:

- 1,104 with two entries +-4, the rest 0;
- 97,152 with eight entries +-2 at the places of a Golay codeword of weight 8, an even number of them negative;
- 98,304 with one entry -3 and the rest 1, and then all signs changed at the places of a Golay codeword.
"""

from itertools import combinations
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.constants import WithConstants
from quantizers.exporting import is_exporting

DIM = 24
SQUARED_LENGTH = 32

WORDS, OCTADS, PAIRS = 4096, 759, DIM * (DIM - 1) // 2
SIZES = (4 * PAIRS, 2**7 * OCTADS, DIM * WORDS)
"""Vectors of each shape."""

SIZE = sum(SIZES)

GENERATOR = 0b101011100011
"""x^11 + x^9 + x^7 + x^6 + x^5 + x + 1, which generates the cyclic Golay code of length 23."""

BLOCK = 8
"""Entries whose signs are looked at together: of 2^8 patterns those of all 4,096 codewords are put together."""

TILE_ROWS = 256
"""Searched at a time: 4 MB for each number that every codeword has."""


class _Nearest(NamedTuple):
    """Of one shape: the largest product with each row, and whose it is."""

    product: Float[Tensor, " n"]
    number: Int64[Tensor, " n"]


class LeechShell(WithConstants):
    """The vectors, by tables of the Golay code: 4,096 words in place of 196,560 vectors."""

    words: Int64[Tensor, "w d"]
    word_blocks: Int64[Tensor, "w b"]
    octads: Int64[Tensor, "o e"]
    in_octad: Float[Tensor, "o d"]
    even_signs: Float[Tensor, "s e"]
    pairs: Int64[Tensor, "p two"]
    block_signs: Float[Tensor, "s e"]

    def __init__(self) -> None:
        super().__init__()
        self.hold_constants(_tables)

    def nearest(self, rows: Float[Tensor, "n d"]) -> Int64[Tensor, " n"]:
        """The vector of the largest product with each row, which is the nearest, to rounding in the rows' dtype."""
        whole = is_exporting() or torch.compiler.is_compiling()  # where the number of rows may be open
        return torch.cat([self._nearest(tile) for tile in ((rows,) if whole else rows.split(TILE_ROWS))])

    def _nearest(self, rows: Tensor) -> Tensor:
        shapes = (self._pair(rows), self._octad(rows), self._word(rows))
        best = torch.stack([shape.product for shape in shapes]).argmax(0, keepdim=True)
        before = 0
        numbers = []
        for shape, size in zip(shapes, SIZES, strict=True):
            numbers.append(shape.number + before)
            before += size
        return torch.stack(numbers).gather(0, best).squeeze(0)

    def _pair(self, rows: Float[Tensor, "n d"]) -> _Nearest:
        size, places = rows.abs().topk(2)
        first, second = places.amin(1, keepdim=True), places.amax(1, keepdim=True)
        pair = (first * (2 * DIM - 1 - first) // 2 + second - first - 1).squeeze(1)
        negative = (rows.gather(1, torch.cat([first, second], 1)) < 0).long()
        return _Nearest(4 * size.sum(1), 4 * pair + 2 * negative[:, 0] + negative[:, 1])

    def _octad(self, rows: Float[Tensor, "n d"]) -> _Nearest:
        size, is_negative = rows.abs(), (rows < 0).to(rows.dtype)
        is_odd = (self.in_octad @ is_negative.T).remainder_(2)  # then the sign that costs least is the other
        least = size.T.contiguous().index_select(0, self.octads.T.flatten()).view(BLOCK, OCTADS, size.shape[0]).amin(0)
        product, octad = _largest(torch.addcmul(self.in_octad @ size.T, is_odd, least, value=-2), 33)
        places = self.octads[octad]
        signs = rows.gather(1, places) < 0
        weakest = size.gather(1, places).argmin(1, keepdim=True)
        is_other = signs.sum(1, keepdim=True) % 2 > 0
        signs = signs ^ (is_other & (torch.arange(BLOCK, device=rows.device) == weakest))
        return _Nearest(2 * product, 2**7 * octad + _number(signs[:, :-1]))

    def _word(self, rows: Float[Tensor, "n d"]) -> _Nearest:
        product = least = None
        for block, entries in enumerate(rows.T.contiguous().split(BLOCK)):
            here = self.word_blocks[:, block]
            sums = (self.block_signs @ entries).index_select(0, here)
            smallest = _smallest(entries).index_select(0, here)
            product = sums if product is None else product.add_(sums)
            least = smallest if least is None else torch.minimum(least, smallest, out=least)
        assert product is not None
        assert least is not None
        product, word = _largest(product.add_(least, alpha=-4), 64)
        place = (rows * (1 - 2 * self.words[word])).argmin(1)
        return _Nearest(product, WORDS * place + word)

    def vectors(self, numbers: Int64[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The vectors of these numbers, at unit length."""
        of_pairs, of_octads, _ = SIZES
        pair = numbers.clamp(max=of_pairs - 1)
        octad = (numbers - of_pairs).clamp(0, of_octads - 1)
        word = (numbers - of_pairs - of_octads).clamp(min=0)
        zeros = self.in_octad.new_zeros(numbers.shape[0], DIM)
        negative = torch.stack([pair // 2 % 2, pair % 2], 1)
        shapes = (
            zeros.scatter(1, self.pairs[pair // 4], (4 - 8 * negative).to(zeros.dtype)),
            zeros.scatter(1, self.octads[octad // 2**7], 2 * self.even_signs[octad % 2**7]),
            (1 - 2 * self.words[word % WORDS]) * (1 - 4 * F.one_hot(word // WORDS, DIM)).to(zeros.dtype),
        )
        number = numbers.unsqueeze(1)
        vectors = torch.where(number < of_pairs, shapes[0], shapes[1])
        return torch.where(number < of_pairs + of_octads, vectors, shapes[2]) / SQUARED_LENGTH**0.5


def _largest(numbers: Float[Tensor, "k n"], groups: int) -> tuple[Float[Tensor, " n"], Int64[Tensor, " n"]]:
    """The largest of each column and where it is; over the groups first, as a maximum without its place is many times
    faster."""
    grouped = numbers.view(groups, numbers.shape[0] // groups, numbers.shape[1])
    largest, place = grouped.amax(0).max(0)
    group = grouped.gather(1, place.expand(groups, 1, -1)).argmax(0).squeeze(0)
    return largest, group * grouped.shape[1] + place


def _smallest(entries: Float[Tensor, "e n"]) -> Float[Tensor, "s n"]:
    """The smallest of so many numbers under each pattern of signs, in the order of `_bits`."""
    smallest = entries.new_full((1, entries.shape[1]), torch.inf)
    for entry in entries.unbind():
        smallest = torch.stack([smallest.minimum(entry), smallest.minimum(-entry)], 1).flatten(0, 1)
    return smallest


def _number(bits: Tensor) -> Int64[Tensor, " n"]:
    """Of each row of bits the number that they write, the first highest."""
    places = torch.arange(bits.shape[1] - 1, -1, -1, device=bits.device)
    return (bits.long() << places).sum(1)


def _bits(count: int) -> Int64[Tensor, "k count"]:
    """All rows of so many bits, in order of the numbers that they write."""
    return torch.arange(2**count).unsqueeze(1) >> torch.arange(count - 1, -1, -1) & 1


def _tables() -> dict[str, Tensor]:
    words = golay_code()
    octads = words[words.sum(1) == BLOCK]
    seven = _bits(BLOCK - 1)
    even = torch.cat([seven, seven.sum(1, keepdim=True) % 2], 1)
    return {
        "words": words,
        "word_blocks": torch.stack([_number(block) for block in words.split(BLOCK, 1)], 1),
        "octads": octads.nonzero()[:, 1].view(OCTADS, BLOCK),
        "in_octad": octads.double(),
        "even_signs": (1 - 2 * even).double(),
        "pairs": torch.tensor(list(combinations(range(DIM), 2))),
        "block_signs": (1 - 2 * _bits(BLOCK)).double(),
    }


def golay_code() -> Int64[Tensor, "w d"]:
    """The extended binary Golay code: 4,096 words of 24 bits, any two of which differ in 8 places at least."""
    shifts = torch.stack([_bits_of(GENERATOR << shift, DIM - 1) for shift in range(12)])
    words = _bits(12) @ shifts % 2
    return torch.cat([words, words.sum(1, keepdim=True) % 2], 1)


def _bits_of(number: int, count: int) -> Int64[Tensor, " count"]:
    return torch.tensor([number >> place & 1 for place in range(count)])
