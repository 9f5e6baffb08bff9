"""The lists of quantizers and of published tokenizers in docs/ are the registries'."""

from pathlib import Path

from autoencoders.pretrained import Films, Pictures, Pretrained, list_pretrained
from benchmarks import catalogue
from quantizers import list_quantizers

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"


def test_the_page_lists_the_registry():
    assert catalogue.quantizers() in PAGE.read_text(encoding="utf-8")
    for entry in list_quantizers():
        assert f"`{entry.name}`" in catalogue.quantizers()


def test_the_page_lists_the_published_tokenizers():
    for table in (catalogue.pretrained_pictures, catalogue.pretrained_sounds, catalogue.pretrained_films):
        assert table() in PAGE.read_text(encoding="utf-8")


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_each_published_tokenizer_has_a_line():
    tables = (catalogue.pretrained_pictures(), catalogue.pretrained_sounds(), catalogue.pretrained_films())
    lines = {line[0]: line[1:] for table in tables for line in cells(table)}
    assert len(lines) == len(list_pretrained())
    for model in list_pretrained():
        line, signals = lines[f"`{model.name}`"], model.signals
        about = [model.codes, model.paper, model.licence, model.verified or "not verified", model.source]
        assert line[-5:] == about
        if isinstance(signals, Pictures):
            assert line[:-5] == [str(signals.image_size), str(signals.stride)]
        elif isinstance(signals, Films):
            strides = " × ".join(map(str, signals.strides))
            assert line[:-5] == [f"{signals} at {signals.frames_per_second:g} a second", strides]
        else:
            assert line[:-5] == [
                f"{signals.sample_rate / 1000:g}",
                str(signals.channels),
                f"{signals.codes_per_second:.5g}",
            ]


def test_what_is_not_verified_is_said(monkeypatch):
    unsure = Pretrained("x", lambda path: None, Pictures(256, 16), "1024", "paper", "licence", "source", None)
    monkeypatch.setattr(catalogue, "list_pretrained", lambda: (unsure,))
    assert "| not verified |" in catalogue.pretrained_pictures()


def test_command_writes_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    places = (f"<!-- {name} -->\nstale lines\n<!-- end of {name} -->\nafter\n" for name in catalogue.TABLES)
    page.write_text("before\n" + "".join(places))
    assert catalogue.main(catalogue.Arguments(page)) == 0
    text = page.read_text()
    assert "stale lines" not in text
    assert text.startswith("before\n")
    for name, table in catalogue.TABLES.items():
        assert f"<!-- {name} -->\n\n{table()}\n\n<!-- end of {name} -->\nafter\n" in text


def test_a_file_without_a_place_for_it(tmp_path, capsys):
    page = tmp_path / "page.md"
    text = "<!-- quantizers -->\n<!-- end of quantizers -->"
    page.write_text(text)
    assert catalogue.main(catalogue.Arguments(page)) == 2
    assert "no lines <!-- pretrained-pictures -->" in capsys.readouterr().err
    assert page.read_text() == text
