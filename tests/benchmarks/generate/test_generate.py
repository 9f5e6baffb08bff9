"""`python -m benchmarks.generate` on real runs: its numbers, what is done already, mistakes in a sentence."""

import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from benchmarks import compare
from benchmarks.data import DataConfig, open_data, test_batches
from benchmarks.generate.arguments import parse
from benchmarks.records.arrays import read_arrays
from benchmarks.records.priors import read_prior
from benchmarks.records.record import read_record
from benchmarks.training.prior_settings import PRESETS
from benchmarks.training.prior_trainer import parameter_groups
from benchmarks.training.trained import trained_tokenizer
from priors import GPT, CodeLayout, GPTConfig, create_prior


@pytest.mark.slow
def test_bits_are_those_of_the_stored_prior(generate, stored, fsq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Token after token by the chain rule, from the files alone."""
    assert generate("--run", fsq) == 0
    path, record, sampling = stored(fsq.parent)
    run = read_record(fsq)
    tokenizer = trained_tokenizer(fsq, run)
    prior = create_prior(PRESETS["smoke"].model, CodeLayout.of(tokenizer, 32))
    prior.load_state_dict(load_file(path.with_suffix(".safetensors")))
    prior.eval()
    data = open_data(DataConfig(run.data["source"], 32))
    bits = []
    with torch.no_grad():
        for _, pictures in test_batches(data, 1):
            (codes,) = tokenizer.encode(pictures.float() / 127.5 - 1)
            sequence = codes.flatten()
            probabilities = [
                prior(sequence[None, : place + 1, None])[0, place, 0].softmax(0)[token]
                for place, token in enumerate(sequence)
            ]
            bits.append(-sum(math.log2(p) for p in probabilities))
    assert len(bits) == 6
    np.testing.assert_allclose(read_arrays(path)["image/nll_bits"], bits, rtol=1e-4)
    assert record.metrics["nll_bits"] == pytest.approx(np.mean(bits), rel=1e-4)
    assert record.metrics["nll_bpp"] == pytest.approx(np.mean(bits) / 32**2, rel=1e-4)
    known = read_arrays(path)["train/nll_bits"]
    assert len(known) == 24
    assert record.metrics["nll_gap"] == pytest.approx(np.mean(bits) - known.mean(), rel=1e-3)
    assert record.exact
    assert sampling.generated == 32
    assert sampling.references == 24
    assert sampling.metrics["gfid"] is None
    assert "python -m benchmarks.weights" in sampling.missing["gfid"]
    shown = capsys.readouterr().out
    assert f"{record.metrics['nll_bits']:.1f}" in shown
    assert str(path.with_name(f"{sampling.id}.png")) in shown.replace("\n", "")


def test_pictures_are_the_priors(generate, stored, fsq: Path) -> None:
    assert generate("--run", fsq, "--generation.count", 10, "--generation.batch-size", 4) == 0
    path = fsq.with_name(f"{stored(fsq.parent).sampling.id}.json")
    samples = read_arrays(path)["samples"]
    assert samples.shape == (10, 3, 32, 32)
    assert len(np.unique(samples.reshape(10, -1), axis=0)) == 10
    picture = np.asarray(Image.open(path.with_suffix(".png")))
    assert picture.shape == (3 * 66 - 2, 4 * 66 - 2, 3)
    np.testing.assert_array_equal(picture[66:130:2, 66:130:2], samples[5].transpose(1, 2, 0))


def test_done_once_and_the_same_again(generate, stored, fsq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--run", fsq) == 0
    first = stored(fsq.parent)
    paths = first.path, fsq.with_name(f"{first.sampling.id}.json")
    before = {path: (path.read_bytes(), read_arrays(path)) for path in paths}
    assert generate("--run", fsq) == 0
    assert "done already" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in paths} == {path: content for path, (content, _) in before.items()}
    assert generate("--run", fsq, "--force") == 0
    again = stored(fsq.parent)
    assert again.prior.created > first.prior.created
    assert again.sampling.created > first.sampling.created
    assert again.prior.metrics == first.prior.metrics
    assert again.sampling.metrics == first.sampling.metrics
    for path in paths:
        for name, values in read_arrays(path).items():
            np.testing.assert_array_equal(values, before[path][1][name])


def test_the_stored_command_means_the_same(generate, stored, fsq: Path) -> None:
    words = ("--train.images", 64, "--model.rotary", "--generation.sampling.top-k", 5, "--seed", 3, "--flatten")
    assert generate("--run", fsq, *words) == 0
    _, prior, sampling = stored(fsq.parent)
    assert prior.changes == {"train.images": 64, "model.rotary": True, "flatten": True, "seed": 3}
    assert sampling.changes == {"generation.sampling.top_k": 5}
    assert shlex.split(sampling.command)[: len(shlex.split(prior.command))] == shlex.split(prior.command)
    python, _, module, *rest = shlex.split(sampling.command)
    assert (python, module) == ("python", "benchmarks.generate")
    asked = parse(["--run", str(fsq), *map(str, words)])
    assert (parse(rest).settings, parse(rest).generation) == (asked.settings, asked.generation)
    assert parse(rest).seed == 3
    assert generate(*rest) == 0  # done already: no second file
    stored(fsq.parent)


def test_another_seed_is_another_prior_and_no_row_mixes_them(generate, fsq: Path, capsys) -> None:
    assert generate("--run", fsq, "--train.images", 16) == 0
    assert generate("--run", fsq, "--train.images", 16, "--seed", 7) == 0
    first, second = (read_prior(path) for path in fsq.parent.glob("prior-*.json"))
    assert {first.seed, second.seed} == {0, 7}
    assert first.settings != second.settings
    assert compare.command([str(fsq)]) == 0  # a prior is found by the folder
    capsys.readouterr()
    assert compare.command([str(fsq.parent), "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| fsq train.images=16 " in shown
    assert "| fsq seed=7 train.images=16 " in shown


def test_several_codes_a_position_and_a_masked_prior(generate, runs: Path) -> None:
    assert generate("--run", *runs.glob("rq-*.json"), *runs.glob("fsq-*.json"), "--prior", "maskgit") == 0
    found = {path.name[:9]: json.loads(path.read_text()) for path in runs.glob("prior-*.json")}
    assert found["prior-rq-"]["layout"]["codes_per_position"] > 1
    assert not found["prior-fsq"]["exact"]
    for record in found.values():
        assert 0 < record["metrics"]["nll_bits"] < 200


def test_what_has_no_codes_is_left_out(generate, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (none,) = runs.glob("none-*.json")
    assert generate("--run", none) == 2
    assert "none has no codebook" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--train-tokens", "x"), "--train-tokens and --test-tokens go together"),
        (("--train.compile",), "a prior is not compiled"),
        (("--train.batch-size", "0"), "batch_size must be"),
        (("--model.heads", "5"), "multiple of the 5 heads"),
        (("--preset", "dalle"), "invalid choice: 'dalle'"),
        (("--data", "nowhere"), "nowhere"),
        (("--inception", "nowhere.pt"), "nowhere.pt"),
        (("--generation.sampling.temperature", "0"), "temperature must be above 0"),
        (("--generation.count", "0"), "count must be"),
    ],
)
def test_mistakes_are_a_sentence(generate, fsq: Path, capsys, words: tuple[str, ...], sentence: str) -> None:
    try:
        code = generate("--run", fsq, *words)
    except SystemExit as ended:  # by the parser of the flags
        code = ended.code
    assert code == 2
    shown = capsys.readouterr().err
    assert sentence in shown.replace("\n", " ")
    assert "Traceback" not in shown


def test_a_run_without_its_weights(generate, fsq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fsq.with_suffix(".safetensors").unlink()
    assert generate("--run", fsq) == 2
    assert "make it again" in capsys.readouterr().err


def test_guidance_without_classes(generate, fsq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--run", fsq, "--generation.sampling.guidance", 2) == 2
    assert "guidance" in capsys.readouterr().err


def test_only_matrices_decay() -> None:
    prior = GPT(GPTConfig(width=8, layers=1, heads=1), CodeLayout(((2, 2),), 2, 5))
    decayed, others = parameter_groups(prior)
    names = {id(parameter): name for name, parameter in prior.named_parameters()}
    assert decayed["weight_decay"] > others["weight_decay"] == 0
    for parameter in decayed["params"]:
        assert re.search(r"(in_proj|out_proj|expand|contract)\.weight$", names[id(parameter)])
    assert len(decayed["params"]) + len(others["params"]) == len(names)
    assert any("tokens" in names[id(parameter)] for parameter in others["params"])
