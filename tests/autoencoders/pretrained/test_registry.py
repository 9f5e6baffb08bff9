"""Published tokenizers by name."""

import pickle
from pathlib import Path

import pytest

from autoencoders.pretrained import Films, Pictures, WeightsError, find_pretrained, list_pretrained, load_pretrained

MODELS = list_pretrained()


def test_names_are_their_own() -> None:
    names = [model.name for model in MODELS]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_is_known_of_each(model) -> None:
    assert find_pretrained(model.name) is model
    if isinstance(model.signals, Pictures):
        assert model.signals.image_size % model.signals.stride == 0
    elif isinstance(model.signals, Films):
        time, *sides = model.signals.strides
        assert model.signals.clip_frames % time == 1
        assert not any(model.signals.frame_size % side for side in sides)
    else:
        assert model.signals.channels in (1, 2)
        assert 8000 <= model.signals.sample_rate <= 48_000
        assert f"{model.signals.sample_rate // 1000}khz" in model.name
    assert "arXiv:" in model.paper
    assert model.licence
    assert "https://" in model.source
    assert any(character.isdigit() for character in model.codes)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_without_its_file_the_message_says_where_it_is(model, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="to be had from https://"):
        load_pretrained(model.name)
    with pytest.raises(WeightsError, match=r"nowhere\.ckpt"):
        load_pretrained(model.name, tmp_path / "nowhere.ckpt")


def test_an_unknown_name_is_answered_with_all() -> None:
    with pytest.raises(ValueError, match=f"{MODELS[0].name}, {MODELS[1].name}"):
        find_pretrained("vqgan")


def test_a_model_of_the_list_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(MODELS)) == MODELS
