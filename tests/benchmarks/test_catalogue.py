"""The lists of quantizers and of published tokenizers in docs/ are the registries'."""

from pathlib import Path

from autoencoders.pretrained import Pretrained, list_pretrained
from benchmarks import catalogue
from quantizers import list_quantizers

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"


def test_the_page_lists_the_registry():
    assert catalogue.quantizers() in PAGE.read_text(encoding="utf-8")
    for entry in list_quantizers():
        assert f"`{entry.name}`" in catalogue.quantizers()


def test_the_page_lists_the_published_tokenizers():
    assert catalogue.pretrained() in PAGE.read_text(encoding="utf-8")


def test_each_published_tokenizer_has_a_line():
    lines = catalogue.pretrained().splitlines()[2:]
    assert len(lines) == len(list_pretrained())
    for line, model in zip(lines, list_pretrained(), strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:4] == [f"`{model.name}`", str(model.image_size), str(model.stride), model.codes]
        assert cells[4:6] == [model.paper, model.licence]
        assert cells[6] == (model.verified or "not verified")
        assert cells[7] == model.source


def test_what_is_not_verified_is_said(monkeypatch):
    unsure = Pretrained("x", lambda path: None, 256, 16, "1024", "paper", "licence", "source", None)
    monkeypatch.setattr(catalogue, "list_pretrained", lambda: (unsure,))
    assert "| not verified |" in catalogue.pretrained()


def test_command_writes_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    second = "<!-- pretrained -->\nstale lines\n<!-- end of pretrained -->\nlast\n"
    page.write_text(f"before\n<!-- quantizers -->\nstale lines\n<!-- end of quantizers -->\nafter\n{second}")
    assert catalogue.main(catalogue.Arguments(page)) == 0
    text = page.read_text()
    assert "stale lines" not in text
    assert text.startswith("before\n<!-- quantizers -->\n\n|")
    assert "|\n\n<!-- end of quantizers -->\nafter\n<!-- pretrained -->\n\n|" in text
    assert text.endswith("|\n\n<!-- end of pretrained -->\nlast\n")


def test_a_file_without_a_place_for_it(tmp_path, capsys):
    page = tmp_path / "page.md"
    text = "<!-- quantizers -->\n<!-- end of quantizers -->"
    page.write_text(text)
    assert catalogue.main(catalogue.Arguments(page)) == 2
    assert "no lines <!-- pretrained -->" in capsys.readouterr().err
    assert page.read_text() == text
