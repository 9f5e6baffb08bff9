"""Which splits train and test: by rule, and by what stands behind the name of the data."""

from pathlib import Path

import pytest

from benchmarks.data import DataConfig, DataError, open_data, open_evaluation_data
from benchmarks.data.naming import parse_source, short_name
from benchmarks.data.sources import open_source


def config(source: Path | str, **fields) -> DataConfig:
    return DataConfig(source=str(source), image_size=32, **fields)


@pytest.fixture
def parts(tmp_path: Path, noise) -> Path:
    """A folder with train/, val/ and test/ of 6, 2 and 3 pictures, and extra/ of 5."""
    for part, count in (("train", 6), ("val", 2), ("test", 3), ("extra", 5)):
        for number in range(count):
            path = tmp_path / "parts" / part / f"class{number % 2}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(seed=number).save(path)
    return tmp_path / "parts"


def counts(source: Path | str) -> tuple[int, int]:
    data = open_data(config(source))
    return len(data.train), len(data.test)


def test_splits_of_a_folder(parts: Path) -> None:
    data = open_data(config(parts))
    assert data.words.endswith("6 pictures to train on, 2 to test on (train/ trains, val/ tests; not taken: test/)")
    assert data.record["split"] == "train/ trains, val/ tests"
    for splits, expected in (("train,test", (6, 3)), ("extra,val", (5, 2)), ("extra", (4, 1)), ("train", (4, 2))):
        assert counts(f"{parts}#{splits}") == expected
    assert len(open_evaluation_data(config(f"{parts}#extra")).test) == 5
    whole = open_evaluation_data(config(f"{parts}#extra,val"), "all")
    assert [whole.test.pictures.class_of(number) for number in (0, 6)] == ["class0", "class1"]
    assert open_data(config(f"{parts}#train,val")).record["fingerprint"] == data.record["fingerprint"]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ("train,nothing", "has no split nothing, only extra, test, train, val: #TRAIN,TEST chooses two"),
        ("train,train", "after # stand the split that trains and the one that tests"),
        ("train,val,test", "after # stand the split that trains and the one that tests"),
        ("", "after # stand the split that trains and the one that tests"),
        ("train,", "after # stand the split that trains and the one that tests"),
    ],
)
def test_splits_that_are_none(parts: Path, splits: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_data(config(f"{parts}#{splits}"))


@pytest.mark.parametrize("source", ["photographs#train,test", "torchvision:FakeData#train"])
def test_what_has_no_splits_to_choose(source: str) -> None:
    with pytest.raises(DataError, match="has no split train, nor any other"):
        open_data(config(source))


def test_a_path_that_exists_is_taken_as_it_stands(folder: Path) -> None:
    odd = folder.rename(folder.with_name("a#b,c"))
    assert parse_source(str(odd)) == ("path", str(odd), ())
    assert counts(odd) == (9, 3)
    assert short_name(str(odd)) == "a-b-c"


@pytest.mark.parametrize(
    ("source", "parsed", "name"),
    [
        ("photographs", ("photographs", "photographs", ()), "photographs"),
        ("torchvision:SVHN#extra,test", ("torchvision", "SVHN", ("extra", "test")), "torchvision-SVHN-extra-test"),
        ("huggingface:a/b:photo#val", ("huggingface", "a/b:photo", ("val",)), "huggingface-a-b-photo-val"),
        ("x#1/shards-{0..9}.tar", ("path", "x#1/shards-{0..9}.tar", ()), "shards-0..9"),
        ("x/set.tar#a,b", ("path", "x/set.tar", ("a", "b")), "set-a-b"),
        ("photographs:2", ("path", "photographs:2", ()), "photographs-2"),
        ("torchvision:", ("path", "torchvision:", ()), "torchvision"),
    ],
)
def test_names_of_sources(source: str, parsed: tuple, name: str) -> None:
    assert parse_source(source) == parsed
    assert short_name(source) == name


def test_splits_and_classes_of_torchvision(tmp_path: Path, noise) -> None:
    """Imagenette has train and val by name, and several names for a class."""
    for split, count in (("train", 4), ("val", 3)):
        for synset in ("n01440764", "n02102040"):
            folder = tmp_path / "imagenette2" / split / synset
            folder.mkdir(parents=True)
            for number in range(count):
                noise(seed=number).save(folder / f"{number}.JPEG")
    taken = DataConfig("torchvision:Imagenette#val,train", root=tmp_path)
    data = open_data(taken)
    assert data.record["split"] == "split=val trains, split=train tests"
    assert (len(data.train), len(data.test)) == (6, 8)
    source = open_source(taken)
    assert source.class_names() == ("tench, Tinca tinca", "English springer, English springer spaniel")
    assert [source.test.class_of(number) for number in (3, 4)] == [0, 1]
    assert len(open_evaluation_data(DataConfig("torchvision:Imagenette#train", root=tmp_path)).test) == 8
    with pytest.raises(DataError, match=r"Imagenette could not be had .*'other'"):
        open_data(DataConfig("torchvision:Imagenette#other", root=tmp_path))
