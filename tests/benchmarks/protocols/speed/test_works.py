"""The works: all competitors of one do the same thing, so that their times may be compared."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks.protocols.speed import peers, search
from benchmarks.protocols.speed.accumulation import accumulation_work
from benchmarks.protocols.speed.backbone import backbone_work, mixed_backbone_work
from benchmarks.protocols.speed.catalogue import sweep_works, works
from benchmarks.protocols.speed.decode import fsq_decode_work, lfq_decode_work, vq_decode_work
from benchmarks.protocols.speed.entropy import entropy_work
from benchmarks.protocols.speed.fidelity import fidelity_work
from benchmarks.protocols.speed.methods import Method, fsq, lfq, rq, vq_ema, zoo
from benchmarks.protocols.speed.naive import OneHotRQ, OneHotVQ
from benchmarks.protocols.speed.names import FAISS, VECTOR_QUANTIZE
from benchmarks.protocols.speed.networks import decoding_work, encoding_work
from benchmarks.protocols.speed.sampling import sampling_work
from benchmarks.protocols.speed.search import leech_search_work, search_over_rows, search_work
from benchmarks.protocols.speed.sizes import SWEEP
from benchmarks.protocols.speed.steps import eval_work, training_work
from benchmarks.protocols.speed.work import Unavailable, Work, random_rows
from quantizers import list_quantizers
from quantizers.search_compiled import KERNELS

CPU = torch.device("cpu")


def outcomes(work: Work) -> dict[str, Any]:
    """What comes out of one call of each competitor."""
    return {each.name: each.make(CPU)() for each in work.competitors}


def test_searches_find_the_same_codes() -> None:
    ours, *others = outcomes(search_work(200, 5, 37)).values()
    distances = (random_rows(200, 5, CPU).double()[:, None] - random_rows(37, 5, CPU, seed=1).double()).norm(dim=2)
    assert ours.tolist() == distances.argmin(1).tolist()
    assert len(others) == 3
    for other in others:
        assert other.tolist() == ours.tolist()


def test_searches_over_rows_find_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROWS", (10, 300))
    found = [[codes.tolist() for codes in outcomes(work).values()] for work in search_over_rows(5, 37)]
    assert [len(ours) for ours, *_ in found] == [10, 300]
    assert all(theirs == ours for ours, *others in found for theirs in others)
    assert [len(each) for each in found] == [3 + len(set(KERNELS) - {"bf16"})] * 2


def test_both_searches_of_the_leech_lattice_find_the_same_vectors() -> None:
    ours, one_by_one = outcomes(leech_search_work(300)).values()
    assert torch.equal(ours, one_by_one)
    assert len(ours.unique()) > 290


def test_entropies_and_their_gradients_agree() -> None:
    ours, softmax = outcomes(entropy_work(64, 6)).values()
    for mine, theirs in zip(ours, softmax, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_accumulated_statistics_are_equal() -> None:
    ours, by_picture = outcomes(accumulation_work(70, 6)).values()
    features = random_rows(70, 6, CPU).double()
    for sums in (ours, by_picture):
        assert sums.count == 70
        torch.testing.assert_close(sums.total, features.sum(0))
        torch.testing.assert_close(sums.outer, features.T @ features)


def test_fidelity_is_equal() -> None:
    ours, theirs = outcomes(fidelity_work(3, 192)).values()
    torch.testing.assert_close(ours[0].float(), theirs[0], rtol=1e-5, atol=0)
    _, places = theirs[1]
    torch.testing.assert_close(ours[1], places[..., 5:-5, 5:-5].mean((1, 2, 3)), rtol=0, atol=5e-5)
    torch.testing.assert_close(ours[2], theirs[2], rtol=0, atol=5e-5)
    assert 0.2 < ours[2].mean() < 0.999


@pytest.mark.parametrize("make", [encoding_work, decoding_work])
def test_networks_for_sound_make_the_same(make: Callable[[int], Work]) -> None:
    pytest.importorskip("transformers")
    ours, theirs = outcomes(make(4)).values()
    assert ours.shape == ((1, 128, 4) if make is encoding_work else (1, 1, 1280))
    assert ours.std() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.std()))


def test_backbones_reconstruct_the_same() -> None:
    pytest.importorskip("diffusers")
    ours, theirs = outcomes(backbone_work(2, 16)).values()
    assert ours.std() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.std()))
    mixed, theirs_mixed, in_single = outcomes(mixed_backbone_work(2, 16)).values()
    assert mixed.dtype == theirs_mixed.dtype == torch.bfloat16
    assert torch.equal(in_single, theirs)
    for other in (theirs_mixed, in_single):
        assert (mixed - other).abs().mean() < 0.1 * theirs.std()


def test_sampling_draws_the_same_tokens_with_and_without_the_cache() -> None:
    ours, naive = outcomes(sampling_work(3, 64, 2, side=4)).values()
    assert ours.shape == (3, 16, 1)
    assert len(ours.unique()) > 16
    assert torch.equal(ours, naive)


def test_codes_are_read_as_they_were_written_with_and_without_the_cache() -> None:
    pytest.importorskip("constriction")
    from benchmarks.protocols.speed.coding import coding_work

    ours, naive = outcomes(coding_work(8, 64, 2)).values()
    assert ours.shape == (1, 1, 8, 8)
    assert torch.equal(ours, torch.randint(1024, ours.shape, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(ours, naive)


def test_decoding_agrees_with_a_table_and_the_peer() -> None:
    ours, theirs, table = outcomes(fsq_decode_work(300, (8, 5, 4))).values()
    assert torch.equal(ours, table)
    torch.testing.assert_close(ours, theirs)
    ours, theirs, table = outcomes(lfq_decode_work(300, 9)).values()
    assert torch.equal(ours, table)
    assert torch.equal(ours.flip(1), _reversed_bits(300, 9))
    assert theirs.shape == ours.shape
    ours, _, table = outcomes(vq_decode_work(300, 4, 16)).values()
    assert ours.shape == table.shape == (300, 4)


def _reversed_bits(n: int, bits: int) -> torch.Tensor:
    """What the peer's LFQ, whose first channel is the highest bit, makes of the same codes."""
    codes = torch.randint(2**bits, (n,), generator=torch.Generator().manual_seed(0))
    return peers.lfq(bits).decode(codes)


def test_a_vocabulary_that_fits_no_table_is_decoded_by_ours_alone() -> None:
    work = lfq_decode_work(300, 48, fewer=18)
    made = {}
    for competitor in work.competitors:
        try:
            made[competitor.name] = competitor.make(CPU)()
        except Unavailable as reason:
            assert "table" in str(reason)  # noqa: PT017
    assert list(made) == ["ours", "ours: 18 bits"]
    assert made["ours"].shape == (300, 48)


METHODS: list[Callable[[], Method]] = [
    lambda: vq_ema(128, 4, 16),
    lambda: rq(128, 4, 16, 3),
    lambda: fsq(128, (8, 5)),
    lambda: lfq(128, 6),
    lambda: zoo(128),
]


@pytest.mark.parametrize("make", METHODS)
def test_every_implementation_trains_and_quantizes(make: Callable[[], Method]) -> None:
    for build in (training_work, eval_work):
        for name, out in outcomes(build(make())).items():
            assert out[0].shape[-2] == 128, name
            assert out[0].requires_grad == (build is training_work), name
            assert out[0].isfinite().all(), name


def test_a_training_step_sends_the_given_gradient_back_and_learns() -> None:
    module = OneHotVQ(4, 16)
    work = training_work(Method("x", {"N": 128}, (_Fixed("ours", "", module),)))
    step = work.competitors[0].make(CPU)
    before = module.vectors.clone()
    leaf = step()[0].grad_fn.next_functions[0][0].variable
    sent = random_rows(128, 4, CPU, seed=-1)
    commitment = 2 * module.beta * (leaf - before[module_codes(leaf, before)]) / leaf.numel()
    torch.testing.assert_close(leaf.grad, sent + commitment)
    assert not torch.equal(before, module.vectors)


def module_codes(rows: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return (rows.detach()[:, None] - vectors).square().sum(2).argmin(1)


class _Fixed:
    def __init__(self, name: str, given: str, module: torch.nn.Module) -> None:
        self.name, self.given, self.build = name, given, lambda: module


def test_the_naive_vq_is_the_papers_update() -> None:
    torch.manual_seed(0)
    module, rows = OneHotVQ(3, 5, decay=0.9, eps=1e-5), torch.randn(40, 3)
    vectors, counts, sums = module.vectors.clone(), torch.ones(5), module.vectors.clone()
    quantized, codes, _ = module.train()(rows)
    for code in range(5):
        mine = [row for row in rows if (row - vectors).square().sum(1).argmin() == code]
        counts[code] = 0.9 * counts[code] + 0.1 * len(mine)
        sums[code] = 0.9 * sums[code] + 0.1 * sum(mine, torch.zeros(3))
    torch.testing.assert_close(quantized, vectors[codes])
    torch.testing.assert_close(module.counts, counts)
    torch.testing.assert_close(module.sums, sums)
    torch.testing.assert_close(module.vectors, sums / counts.unsqueeze(1), rtol=1e-4, atol=1e-5)


def test_the_naive_rq_codes_what_the_depths_before_left() -> None:
    torch.manual_seed(0)
    module, rows = OneHotRQ(3, 8, 4).eval(), torch.randn(40, 3)
    quantized, codes, _ = module(rows)
    left = rows
    for depth, code in zip(module.depths, codes.T, strict=True):
        assert code.tolist() == module_codes(left, depth.vectors).tolist()
        left = left - depth.vectors[code]
    torch.testing.assert_close(quantized, rows - left)


def test_the_zoo_has_every_registered_quantizer_once() -> None:
    names = [each.name for each in zoo(8).implementations]
    assert sorted(names) == [entry.name for entry in list_quantizers()]
    assert names[0] == "vq-ema"


def test_works_have_names_of_their_own_and_goals_name_a_competitor() -> None:
    everything = [*works(), *sweep_works()]
    for group in (works(), sweep_works()):
        assert len({work.name for work in group}) == len(group)
        assert len({work.slug for work in group}) == len(group)
    for work in everything:
        names = [competitor.name for competitor in work.competitors]
        assert len(set(names)) == len(names)
        assert all(goal.competitor in names for goal in work.goals)
    # the lines of DESIGN.md, section 4, one of them at each number of rows; those of caches, lattice, metrics, networks
    assert sum(len(work.goals) for work in works()) == 16 + 4 * len(search.ROWS) + 10


def test_the_sweep_covers_two_decades_of_each_size() -> None:
    for axis, sizes in SWEEP.items():
        assert sizes[-1] / sizes[0] >= 100
        for kind in ("search", "training step"):
            assert {work.sizes[axis] for work in sweep_works() if work.kind == kind} >= set(sizes)


@pytest.mark.parametrize(
    ("module", "name"), [("faiss", FAISS), ("vector_quantize_pytorch", VECTOR_QUANTIZE)], ids=["faiss", "vqp"]
)
def test_a_missing_peer_says_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    competitors = [
        competitor
        for work in (search_work(8, 2, 4), training_work(vq_ema(8, 2, 4)), lfq_decode_work(8, 3))
        for competitor in work.competitors
        if competitor.name == name
    ]
    assert competitors
    for competitor in competitors:
        with pytest.raises(Unavailable, match=r"pip install .*\[peers\]"):
            competitor.make(CPU)


def test_faiss_is_left_out_on_a_gpu() -> None:
    with pytest.raises(Unavailable, match="CPU only"):
        peers.faiss_search(8, 2, 4, torch.device("cuda"))


def test_the_peer_gets_our_dead_code_rule_and_the_plain_gradient() -> None:
    module = peers.vector_quantize(n=8192, d=4, k=1024).module
    assert module._codebook.threshold_ema_dead_code == 2  # a quarter of the mean count of 8
    assert module._codebook.decay == 0.99
    assert not module.rotation_trick
