"""A run as files for the Hugging Face hub: saved, pushed, and back."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi, ModelCard

from benchmarks import LoadedRun, load_run
from benchmarks.records.record import read_record


def assert_same(one: LoadedRun, other: LoadedRun) -> None:
    pictures = torch.rand(3, 3, 32, 32) * 2 - 1
    codes = one.tokenizer.encode(pictures)
    for found, expected in zip(other.tokenizer.encode(pictures), codes, strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(other.tokenizer.decode(codes), one.tokenizer.decode(codes))
    assert not other.tokenizer.training
    assert one.record == other.record
    assert one.prior_record == other.prior_record


def test_a_saved_run_is_the_run(fsq: Path, tmp_path: Path) -> None:
    run, folder = load_run(fsq), tmp_path / "saved"
    run.save_pretrained(str(folder))
    names = ["README.md", "config.json", "model.json", "model.safetensors"]
    assert sorted(path.name for path in folder.iterdir()) == names
    shutil.rmtree(fsq.parent)
    assert_same(run, LoadedRun.from_pretrained(str(folder)))
    assert json.loads((folder / "config.json").read_text())["quantizer"] == "fsq"


def test_the_networks_are_saved_as_they_are_now(fsq: Path, tmp_path: Path) -> None:
    run = load_run(fsq)
    with torch.no_grad():
        for parameter in run.tokenizer.parameters():
            parameter.mul_(1.01)
    run.save_pretrained(tmp_path / "saved")
    assert_same(run, LoadedRun.from_pretrained(tmp_path / "saved"))


@pytest.mark.slow
def test_a_prior_goes_with_it(fsq: Path, generate, tmp_path: Path) -> None:
    assert generate("--run", fsq) == 0
    run, folder = load_run(fsq), tmp_path / "saved"
    run.save_pretrained(folder)
    again = LoadedRun.from_pretrained(folder)
    assert_same(run, again)
    assert torch.equal(run.sample(2, seed=1), again.sample(2, seed=1))
    card = ModelCard.load(folder / "README.md")
    assert "run.sample(16)" in card.text
    assert "nll_bits" in card.text
    load_run(folder / "model.json", "gpt").save_pretrained(tmp_path / "twice")
    assert_same(run, LoadedRun.from_pretrained(tmp_path / "twice", prior="gpt"))


def test_the_card_says_what_was_measured(fsq: Path, tmp_path: Path) -> None:
    load_run(fsq).save_pretrained(tmp_path / "saved")
    record, card = read_record(fsq), ModelCard.load(tmp_path / "saved" / "README.md")
    assert card.data.library_name == "quantizer-zoo-benchmark"
    assert "fsq" in card.data.tags
    assert f"| psnr | {record.metrics['psnr']:.5g} |" in card.text
    assert f"No lpips: {record.missing['lpips']}." in card.text
    assert "| lpips |" not in card.text
    assert record.command in card.text


def test_it_is_pushed(fsq: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub would be given."""

    def upload(self: HfApi, *, folder_path: str, **_: Any) -> str:
        shutil.copytree(folder_path, tmp_path / "there")
        return "https://there"

    monkeypatch.setattr(HfApi, "create_repo", lambda self, repo_id, **_: type("Repo", (), {"repo_id": repo_id})())
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    run = load_run(fsq)
    run.push_to_hub("owner/name")
    assert_same(run, LoadedRun.from_pretrained(tmp_path / "there"))


@pytest.mark.parametrize("config", [{"quantizer": "this:Quantizer"}, {"options": {"base": "this:Quantizer"}}])
def test_nothing_is_imported(fsq: Path, tmp_path: Path, config: dict[str, Any]) -> None:
    load_run(fsq).save_pretrained(tmp_path)
    path = tmp_path / "model.json"
    raw = json.loads(path.read_text())
    raw["config"].update(config)
    path.write_text(json.dumps(raw))
    with pytest.raises(ValueError, match=r"this:Quantizer, code that is imported .* take benchmarks\.load_run\('"):
        LoadedRun.from_pretrained(tmp_path)
    assert "this" not in sys.modules


def test_what_cannot_be_loaded_is_said(fsq: Path, tmp_path: Path) -> None:
    load_run(fsq).save_pretrained(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(ValueError, match="not a readable file"):
        LoadedRun.from_pretrained(tmp_path)
