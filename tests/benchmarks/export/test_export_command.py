"""`python -m benchmarks.export` on a real run: programs, card, record, what differs, mistakes."""

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from picture_runs import picture_run

from autoencoders import BlockMean
from autoencoders.pretrained import registry
from autoencoders.pretrained.model import Pictures, Pretrained
from autoencoders.programs import Program, load_program
from benchmarks.data.machine import torch_threads
from benchmarks.export.__main__ import main
from benchmarks.export.agreement import compare
from benchmarks.records.export import FILE, Agreement, read_export
from benchmarks.records.record import iterate_records, read_record
from benchmarks.training.trained import trained_tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of vq-ema, hardly trained."""
    return picture_run(tmp_path_factory.mktemp("home"), "vq-ema")


def ask(*words: object) -> int:
    with torch_threads(1):
        return main([*map(str, words)])


@pytest.mark.slow
def test_an_exported_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(run, "--output", tmp_path) == 0
    folder = tmp_path / run.stem / "onnx"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["README.md", FILE, "both.onnx", "decoder.onnx", "encoder.onnx"]
    )
    stored = read_export(folder / FILE)
    assert stored.agreement.signals == stored.data["test"]["pictures"] > 0
    assert stored.agreement.codes == 16 * stored.agreement.signals  # a map of 4 × 4
    assert stored.agreement.equal_codes == stored.agreement.codes
    for difference in (stored.agreement.decoder_difference, stored.agreement.both_difference):
        assert 0 < (difference or 0) < 1e-3
    assert stored.extent is None
    assert set(stored.software) == {"torch", "onnx", "onnxscript", "onnxruntime"}
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{stored.agreement.codes:,} of {stored.agreement.codes:,} codes are equal" in shown
    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "onnx"
    assert 'onnxruntime.InferenceSession("encoder.onnx")' in card.text
    assert "Trained by the preset smoke" in card.text

    tokenizer = trained_tokenizer(run, read_record(run))
    other = torch.rand(2, 3, 40, 64) * 2 - 1
    with torch.no_grad():
        assert torch.equal(load_program(folder / "encoder.onnx")(other)[0], tokenizer.encode(other)[0])

    written = (folder / FILE).read_bytes()
    assert ask(run, "--output", tmp_path) == 2
    assert "replace it by --force" in " ".join(capsys.readouterr().err.split())
    assert (folder / FILE).read_bytes() == written
    assert ask(run, "--output", tmp_path, "--part", "decoder", "--force", "--limit", 1) == 0
    again = read_export(folder / FILE)
    assert list(again.programs) == ["decoder"]
    assert again.agreement.codes is None
    problems: list[str] = []
    assert list(iterate_records([tmp_path], problems)) == []
    assert problems == []  # an export is no run, and no fault of a folder of runs


@pytest.mark.slow
def test_an_exported_model_that_is_published(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"codes": "256", "paper": "A. Nyone 2020", "licence": "MIT", "source": "example.org", "verified": None}
    mean = Pretrained(name="mean", load=lambda _: BlockMean(8).eval(), signals=Pictures(32, 8), **known)
    monkeypatch.setattr(registry, "ZOO", (mean,))
    words = ["--model", "mean", "--checkpoint", run, "--format", "torch-export", "--output", tmp_path]
    assert ask(*words, "--data", run.parents[3] / "pictures", "--part", "both", "encoder", "--image-size", 48) == 0
    assert "mean is not verified" in capsys.readouterr().err
    stored = read_export(tmp_path / "mean" / "torch-export" / FILE)
    assert stored.agreement.signals == 20
    assert stored.agreement.codes == stored.agreement.equal_codes == 20 * 3 * 36
    assert stored.agreement.both_difference == 0
    assert "A. Nyone 2020; licence: MIT" in (tmp_path / "mean" / "torch-export" / "README.md").read_text()


def test_an_exported_quantizer(tmp_path: Path) -> None:
    words = ["--quantizer", "fsq", "--options", "levels=(3, 3)", "--part", "encoder", "--format", "torch-export"]
    assert ask(*words, "--output", tmp_path, "--limit", 7, "--batch-size", 3) == 0
    (path,) = tmp_path.rglob(FILE)
    stored = read_export(path)
    assert stored.agreement == Agreement(
        signals=7,
        signals_of_equal_codes=7,
        codes=7 * 256,
        equal_codes=7 * 256,
        decoder_difference=None,
        both_difference=None,
    )
    assert json.loads(path.read_text())["data"]["test"]["maps"] == 7
    assert (path.parent / "encoder.pt2").stat().st_size == stored.programs["encoder"].bytes


def test_what_differs_is_counted() -> None:
    """Programs that are wrong on purpose."""
    tokenizer = BlockMean(4).eval()
    given = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def encoder(signal: torch.Tensor) -> tuple[torch.Tensor, ...]:
        (codes,) = tokenizer.encode(signal)
        codes[:, 0, 0, 0] += (signal[:, 0, 0, 0] == given[4, 0, 0, 0]).long()  # in the second batch
        return (codes,)

    programs: dict[str, Program] = {
        "encoder": encoder,
        "decoder": lambda codes: (tokenizer.decode([codes]) + 0.25,),
        "both": lambda signal: (tokenizer(signal).reconstruction + (signal == given[4]).all() * 9.0,),
    }
    found = compare(tokenizer, programs, given.split(3))  # type: ignore[arg-type]
    assert (found.signals, found.signals_of_equal_codes) == (6, 5)
    assert (found.codes, found.equal_codes) == (72, 71)
    assert found.decoder_difference == pytest.approx(0.25)
    assert found.both_difference == 0  # where codes are equal


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "what is to be exported? Give RUN.json, --model NAME"),
        (["{run}", "--quantizer", "fsq"], "what is to be exported?"),
        (["{run}", "--bits", "8"], "--bits and --options are of a quantizer alone"),
        (["--quantizer", "fsq", "--data", "photographs"], "--data is for tokenizers of pictures"),
        (["--quantizer", "fsk"], "unknown quantizer 'fsk'"),
        (["--quantizer", "none"], "bits of 32-bit floats"),
        (["{run}", "--image-size", "64"], "--image-size is for --model"),
        (["{run}", "--checkpoint", "x"], "--checkpoint is the file of a published tokenizer"),
        (["{run}", "--part"], "--part is empty"),
        (["nowhere.json"], "nowhere.json does not exist"),
        (["--model", "other"], "there is no published tokenizer 'other'"),
    ],
)
def test_mistakes_are_sentences_bad_flags(
    words: list[str], message: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(*(word.format(run=run) for word in words), "--output", tmp_path / "out") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "error: " in said
    assert "Traceback" not in said
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
