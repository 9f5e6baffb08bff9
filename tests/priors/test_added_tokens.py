"""Pictures beside text in a `transformers` tokenizer, a small one that is trained here, and in a chat."""

from pathlib import Path

import pytest
import torch

from priors.added_tokens import add_tokens, as_text, token_names
from priors.image_ids import ImageIds

transformers = pytest.importorskip("transformers")

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>"
    "{% for part in message.content %}{{ part.text if part.type == 'text' else part.codes }}{% endfor %}"
    "<|over|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def trained() -> "object":
    """A byte-level BPE of 300 tokens."""
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|user|>", "<|assistant|>", "<|over|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(["what does this picture show, a cat or a dog or an owl?"] * 8, trainer)
    return model


@pytest.fixture
def tokenizer(trained) -> "transformers.PreTrainedTokenizerFast":
    found = transformers.PreTrainedTokenizerFast(tokenizer_object=trained.from_str(trained.to_str()))
    found.chat_template = TEMPLATE
    return found


def pictures(offset: int) -> tuple[ImageIds, torch.Tensor]:
    ids = ImageIds(((2, 2),), 2, 40, offset)
    return ids, ids.as_ids([torch.randint(40, (3, 2, 2, 2), generator=torch.Generator().manual_seed(0))])


def test_a_picture_in_a_text_becomes_its_ids_and_the_text_what_it_was(tokenizer) -> None:
    before = len(tokenizer)
    text = tokenizer.encode("a cat, or 40 owls?")
    ids, sequences = pictures(before)
    add_tokens(tokenizer, ids)
    assert len(tokenizer) == before + 2 * 40 + 2
    assert tokenizer.convert_ids_to_tokens([ids.begin, ids.end, before + 41]) == [
        "<|image:begin|>",
        "<|image:end|>",
        "<|image:41|>",
    ]
    for sequence in sequences:
        found = tokenizer.encode(f"a cat, or {as_text(sequence, ids)}40 owls?")
        place = found.index(ids.begin)
        assert found[place : place + len(sequence)] == sequence.tolist()
        assert found[:place] == tokenizer.encode("a cat, or ")
        assert tokenizer.decode(found) == f"a cat, or {as_text(sequence, ids)}40 owls?"
        assert tokenizer.decode(found, skip_special_tokens=True) == "a cat, or 40 owls?"
        assert torch.equal(ids.as_codes(torch.tensor([found[place : place + 10]]))[0], ids.as_codes(sequence[None])[0])
    assert tokenizer.encode("a cat, or 40 owls?") == text


def test_a_chat_with_pictures_also_from_a_stored_tokenizer(tokenizer, tmp_path: Path) -> None:
    ids, sequences = pictures(len(tokenizer))
    add_tokens(tokenizer, ids)
    chat = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what does this show?"},
                {"type": "image", "codes": as_text(sequences[0], ids)},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "an owl"}]},
    ]
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    add_tokens(again, ids)  # it has them
    for known in (tokenizer, again):
        found = known.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        role, over, answer = known.convert_tokens_to_ids(["<|user|>", "<|over|>", "<|assistant|>"])
        question, said = known.encode("what does this show?"), known.encode("an owl")
        assert found == [role, *question, *sequences[0].tolist(), over, answer, *said, over, answer]


def test_a_model_takes_the_ids_in(tokenizer) -> None:
    ids, sequences = pictures(len(tokenizer))
    add_tokens(tokenizer, ids)
    config = transformers.GPT2Config(vocab_size=ids.id_offset, n_embd=8, n_layer=1, n_head=1, n_positions=16)
    model = transformers.GPT2LMHeadModel(config)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    assert model(sequences, labels=sequences).logits.shape == (3, 10, ids.end + 1)


def test_wrong_offsets_and_other_tokens_are_refused(tokenizer) -> None:
    ids, sequences = pictures(len(tokenizer) + 1)
    with pytest.raises(ValueError, match=f"make the ids with id_offset={len(tokenizer)}"):
        add_tokens(tokenizer, ids)
    tokenizer.add_tokens(["<|image:7|>"])
    with pytest.raises(ValueError, match="with other ids: choose another noun"):
        add_tokens(tokenizer, ids)
    with pytest.raises(ValueError, match="the ids of pictures are"):
        as_text(sequences[0] - 90, ids)
    with pytest.raises(ValueError, match="split them into digits first"):
        token_names(ImageIds(((2,),), 1, 2**23))


def test_sounds_are_called_otherwise() -> None:
    ids = ImageIds(((None,),), 1, 3, 5)
    assert token_names(ids, "sound") == [
        "<|sound:0|>",
        "<|sound:1|>",
        "<|sound:2|>",
        "<|sound:begin|>",
        "<|sound:end|>",
    ]
    assert as_text(ids.as_ids([torch.tensor([[[2, 0]]])])[0], ids, "sound") == (
        "<|sound:begin|><|sound:2|><|sound:0|><|sound:end|>"
    )
