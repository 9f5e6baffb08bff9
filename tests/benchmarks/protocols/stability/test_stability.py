"""The protocol `stability`: each change is seen in a tokenizer that is sensitive to it, and in no other."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from autoencoders import BlockMean
from benchmarks.metrics.pictures import PSNR_CAP
from benchmarks.protocols.stability import changes
from benchmarks.protocols.stability.changes import REPLACED, SEEN, WAYS, Seen, Way, replace_codes
from benchmarks.protocols.stability.measure import measure
from benchmarks.records.stability import PROTOCOL
from quantizers.exporting import is_exporting

EXPENSIVE = ("torch.compile", "torch.export", "ONNX")
"""A graph has to be made."""

CHEAP = {name: way for name, way in WAYS.items() if name not in EXPENSIVE}


def pictures(count: int = 8, side: int = 16) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Sensitive(BlockMean):
    """Colours come out negative where the condition, given the signal, holds."""

    def __init__(self, condition: Callable[[Tensor], bool], stride: int = 4) -> None:
        super().__init__(stride)
        self.condition = condition

    def latent(self, signal: Tensor) -> Tensor:
        mean = super().latent(signal)
        return -mean if self.condition(signal) else mean


def changed(tokenizer: BlockMean, ways: Mapping[str, Way] = CHEAP, seen: Mapping[str, Seen] = SEEN) -> dict[str, float]:
    """Share of changed codes by change; only changes with some."""
    found = measure(tokenizer.eval(), [pictures()], (16, 16), ways, seen)
    assert found.missing == {}
    return {name: of.changed / of.codes for name, of in found.changes.items() if of.changed}


def in_autocast(dtype: torch.dtype) -> Callable[[Tensor], bool]:
    return lambda _: torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == dtype


THREADS = torch.get_num_threads()


@pytest.mark.parametrize(
    ("condition", "seen_by"),
    [
        (lambda _: False, set()),
        (lambda signal: len(signal) == 1, {"batch of 1", "batch of 7"}),  # the eighth is alone
        (lambda signal: len(signal) == 7, {"batch of 7"}),
        (lambda _: torch.get_num_threads() != THREADS, {"threads"}),
        (in_autocast(torch.bfloat16), {"bf16 autocast"}),
        (in_autocast(torch.float16), {"fp16 autocast"}),
    ],
)
def test_each_way_to_encode_is_seen(condition: Callable[[Tensor], bool], seen_by: set[str]) -> None:
    assert changed(Sensitive(condition), seen={}).keys() == seen_by
    assert torch.get_num_threads() == THREADS


def test_a_place_in_the_batch_is_seen() -> None:
    class First(BlockMean):
        def latent(self, signal: Tensor) -> Tensor:
            mean = super().latent(signal)
            return torch.cat([-mean[:1], mean[1:]])

    found = changed(First(4), seen={})
    assert found["place in the batch"] == pytest.approx(2 / 8, abs=0.01)  # the one that was first, and the one that is
    assert "invariant, batch of 7" not in found


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPENSIVE)
def test_each_exported_or_compiled_graph_is_seen(name: str) -> None:
    def traced(_: Tensor) -> bool:
        return is_exporting() if name != "torch.compile" else torch.compiler.is_compiling()

    way = {name: WAYS[name]}
    assert changed(Sensitive(traced), way, {}).get(name, 0) > 0.9
    assert changed(Sensitive(lambda _: False), way, {}) == {}


def test_touched_pictures_of_exact_codes() -> None:
    """Of a tokenizer whose codes are the pixels' levels all shares are known."""
    given = pictures()
    tokenizer = Sensitive(lambda _: False, stride=1).eval()
    found = measure(tokenizer, [given[:5], given[5:]], (16, 16), {}, SEEN)
    assert found.psnr == PSNR_CAP
    shares = {name: of.changed / of.codes for name, of in found.changes.items()}
    assert {name: of.pictures for name, of in found.changes.items()} == dict.fromkeys(SEEN, 8)
    for name in ("one more encode", "ten more encodes", "8-bit noise"):
        assert shares[name] == 0, name
        assert found.changes[name].lost == 0
    moved = torch.cat([given[..., :1], given[..., :-1]], -1)
    assert shares["shift by one pixel"] == pytest.approx(float((moved != given).float().mean()))
    assert found.changes["shift by one pixel"].lost == 0  # beside the moved picture
    assert 0.5 < shares["JPEG 90"] < 1
    assert found.changes["JPEG 90"].lost > 8 * 50


def test_noise_is_of_rounding_and_jpeg_is_pillows(tmp_path: Path) -> None:
    given = pictures()
    tokenizer = Sensitive(lambda _: False).eval()
    noise = (changes.rounding_noise(tokenizer, given) + 1) * 127.5 - given
    assert noise.abs().max() <= 0.5001
    assert noise.std() == pytest.approx(12**-0.5, rel=0.05)
    Image.fromarray(given[3].permute(1, 2, 0).numpy()).save(tmp_path / "a.jpg", quality=90)
    found = (changes.jpeg(90, tokenizer, given)[3].permute(1, 2, 0) + 1) * 127.5
    np.testing.assert_allclose(found.numpy(), np.array(Image.open(tmp_path / "a.jpg")), atol=1e-3)


def test_encoding_again_and_again_drifts() -> None:
    class Fading(BlockMean):
        def latent(self, signal: Tensor) -> Tensor:
            return super().latent(signal) * 0.98

    tokenizer = Fading(4).eval()
    some = {name: SEEN[name] for name in ("one more encode", "ten more encodes")}
    found = measure(tokenizer, [pictures()], (16, 16), {}, some)
    one, ten = (found.changes[name] for name in some)
    assert 0 < one.changed <= ten.changed  # colours fade until rounding holds them
    assert 0 < one.lost < ten.lost


def test_replaced_codes_are_others_of_the_codebook() -> None:
    codes = [torch.randint(0, 5, (4, 2, 30, 30)), torch.randint(0, 2, (4, 1, 60, 60))]
    for share in (*REPLACED, 1.0):
        found = replace_codes(codes, [5, 2], share)
        for one, other, size in zip(found, codes, (5, 2), strict=True):
            assert float((one != other).float().mean()) == pytest.approx(share, rel=0.15)
            assert 0 <= int(one.min()) <= int(one.max()) < size
    step = (replace_codes(codes, [5, 2], 1.0)[0] - codes[0]) % 5
    assert torch.bincount(step.flatten())[1:].float() == pytest.approx([codes[0].numel() / 4] * 4, rel=0.1)
    qualities = list(measure(Sensitive(lambda _: False).eval(), [pictures()], (16, 16), {}, {}).replaced.values())
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] - qualities[-1] > 0.5


def test_the_price_of_invariant_codes_is_measured() -> None:
    found = measure(Sensitive(lambda _: False).eval(), [pictures(32)], (16, 16), {}, {})
    assert found.invariant_price > 1.5  # a call for each of 32, where the work in it is next to nothing


def test_what_cannot_be_had_is_said() -> None:
    class Failing(BlockMean):
        def latent(self, signal: Tensor) -> Tensor:
            if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("no kernel\nfor it")
            return super().latent(signal)

    found = measure(Failing(4).eval(), [pictures(), pictures()], (16, 16), CHEAP, {})
    assert found.missing == dict.fromkeys(("bf16 autocast", "fp16 autocast"), "no kernel")
    assert "bf16 autocast" not in found.changes
    with pytest.raises(ValueError, match="no picture"):
        measure(Failing(4).eval(), [], (16, 16))


def test_the_document_has_the_version_and_every_change() -> None:
    document = Path(changes.__file__).parents[1].joinpath("stability.md").read_text(encoding="utf-8")
    assert re.findall(r"^Version: `(.+)`$", document, re.MULTILINE) == [PROTOCOL]
    rows = re.findall(r"^\| (`.+`) \|", document, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`([^`]+)`", row)] == [*WAYS, *SEEN]
