"""Pictures in the vocabulary of a `transformers` tokenizer: a token for each of their ids.

ids = ImageIds(grids=((16, 16),), codes_per_position=1, codebook_size=1024, id_offset=len(tokenizer))
add_tokens(tokenizer, ids)
text = as_text(ids.as_ids(codes)[0], ids)  # "<|image:begin|><|image:713|>...<|image:end|>"
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Int
from torch import Tensor

from priors.image_ids import ImageIds

MOST = 2**22
"""Ids that can be tokens at most: a vocabulary is held in memory, by name."""


def token_names(ids: ImageIds, noun: str = "image") -> list[str]:
    """What the ids of pictures are called, from `ids.id_offset` on: codes <|image:N|>, with N counted from 0 over all
    slots, then <|image:begin|> and <|image:end|>.

    Args:
        noun: What stands in the place of "image".

    Raises:
        ValueError: more ids than a vocabulary holds.
    """
    count = ids.begin - ids.id_offset
    if count > MOST:
        raise ValueError(
            f"{count:,} codes are more than the {MOST:,} tokens of a vocabulary; split them into digits first"
        )
    return [*(f"<|{noun}:{number}|>" for number in range(count)), f"<|{noun}:begin|>", f"<|{noun}:end|>"]


def add_tokens(tokenizer: Any, ids: ImageIds, noun: str = "image") -> None:
    """Give a tokenizer the tokens of pictures, as special ones, where it does not have them already.

    The model then needs as many embeddings: `model.resize_token_embeddings(len(tokenizer))`.

    Args:
        tokenizer: A `PreTrainedTokenizerBase` of `transformers`, whose vocabulary has `ids.id_offset` ids, or
            the tokens already.
        noun: As for `token_names`.

    Raises:
        ValueError: the tokens would get other ids than the pictures have.
    """
    names = token_names(ids, noun)
    if len(tokenizer) == ids.id_offset:
        tokenizer.add_tokens(names, special_tokens=True)
    elif tokenizer.convert_tokens_to_ids(names[-1:]) != [ids.end]:
        raise ValueError(
            f"the vocabulary has {len(tokenizer)} ids, and those of pictures begin at {ids.id_offset}: make the ids "
            f"with id_offset={len(tokenizer)}"
        )
    if tokenizer.convert_tokens_to_ids(names) != [*range(ids.id_offset, ids.end + 1)]:
        raise ValueError(f"the vocabulary has tokens of the name <|{noun}:N|> with other ids: choose another noun")


def as_text(sequence: Int[Tensor, " l"], ids: ImageIds, noun: str = "image") -> str:
    """The ids of a picture as the text that a tokenizer with its tokens turns into these ids: for chat templates.

    Args:
        sequence: A row of `ids.as_ids`.
        noun: As for `token_names`.

    Raises:
        ValueError: an id that is none of a picture.
    """
    names = {ids.begin: "begin", ids.end: "end"}
    numbers = sequence.tolist()
    if not all(ids.id_offset <= number <= ids.end for number in numbers):
        raise ValueError(f"the ids of pictures are {ids.id_offset} to {ids.end}, got {min(numbers)} to {max(numbers)}")
    return "".join(f"<|{noun}:{names.get(number, number - ids.id_offset)}|>" for number in numbers)
