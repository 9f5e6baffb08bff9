"""What every prior promises, on every kind of layout, with classes and without."""

import copy
import itertools

import pytest
import torch
from small_priors import labels_for, layouts_of, make, quantizers_of, random_tokens

from priors import (
    PRIORS,
    CodeLayout,
    GPTConfig,
    MaskGITConfig,
    Prior,
    Sampling,
    SamplingStopped,
    VARConfig,
    create_prior,
    prior_name_of,
)

PAIRS = [(name, layout) for name in PRIORS for layout in layouts_of(name)]
CASES = [(*pair, classes) for pair, classes in itertools.product(PAIRS, (0, 3))]

every_prior = pytest.mark.parametrize(("name", "layout", "classes"), CASES)
with_classes = pytest.mark.parametrize(("name", "layout"), PAIRS)
each_kind = pytest.mark.parametrize("name", list(PRIORS))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_prior
def test_every_weight_learns(name: str, layout: str, classes: int) -> None:
    for rotary in (False, True):
        prior = make(name, layouts_of(name)[layout], classes, rotary=rotary, label_dropout=0.5).train()
        tokens = random_tokens(prior.layout, 8)
        loss = prior.loss(tokens, labels_for(prior, 8))
        assert loss.isfinite()
        loss.backward()
        for key, parameter in prior.named_parameters():
            if not parameter.requires_grad:  # of the quantizer
                continue
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.any(), key


@every_prior
def test_samples_are_pictures(name: str, layout: str, classes: int) -> None:
    prior = make(name, layouts_of(name)[layout], classes).train()
    labels = labels_for(prior, 16)
    tokens = prior.sample(16, labels, generator=seeded(1))
    assert prior.training
    assert torch.equal(prior.layout.to_tokens(prior.layout.to_codes(tokens)), tokens)
    assert torch.equal(tokens, prior.sample(16, labels, generator=seeded(1)))
    assert not torch.equal(tokens, prior.sample(16, labels, generator=seeded(2)))
    assert prior.nll(tokens, labels).isfinite().all()


@every_prior
def test_what_is_given_is_kept(name: str, layout: str, classes: int) -> None:
    prior = make(name, layouts_of(name)[layout], classes)
    labels = labels_for(prior, 6)
    given = random_tokens(prior.layout, 6)
    for first in {1, prior.layout.positions - 1, prior.layout.positions}:
        tokens = prior.sample(6, labels, Sampling(guidance=2.0 if classes else 1.0), given=given[:, :first])
        assert torch.equal(tokens[:, :first], given[:, :first])
        prior.layout.check(tokens)


@every_prior
def test_the_likeliest(name: str, layout: str, classes: int) -> None:
    prior = make(name, layouts_of(name)[layout], classes)
    labels = labels_for(prior, 3)
    greedy = Sampling(top_k=1, choice_temperature=0.0)
    tokens = prior.sample(3, labels, greedy, seeded(1))
    nucleus = Sampling(top_p=1e-9, choice_temperature=0.0)
    assert torch.equal(tokens, prior.sample(3, labels, greedy, seeded(2)))
    assert torch.equal(tokens, prior.sample(3, labels, nucleus, seeded(3)))


@each_kind
def test_guidance_of_one_is_none_and_more_moves_away_from_the_mean(name: str) -> None:
    prior = make(name, CodeLayout(((1,),), 1, 4, by_scale=name == "var"), 2)
    labels = torch.zeros(4000, dtype=torch.int64)
    plain = prior.sample(4000, labels, generator=seeded(0))
    assert torch.equal(plain, prior.sample(4000, labels, Sampling(guidance=1.0), seeded(0)))
    tokens = torch.zeros(2, 1, 1, dtype=torch.int64) if name != "maskgit" else torch.full((2, 1, 1), 4)
    conditional = prior(tokens, torch.zeros(2, dtype=torch.int64))[0, 0, 0].log_softmax(0)
    prior.classes += 1  # so that the start without a class passes for a label
    unconditional = prior(tokens, torch.full((2,), 2))[0, 0, 0].log_softmax(0)
    prior.classes -= 1
    p = (3 * conditional - 2 * unconditional).softmax(0)
    counts = prior.sample(4000, labels, Sampling(guidance=3.0), seeded(0)).flatten().bincount(minlength=4)
    deviations = (counts - 4000 * p) / (4000 * p * (1 - p)).sqrt()
    assert deviations.abs().max() < 4
    assert (p - conditional.exp()).abs().max() > 0.1  # else nothing was seen


@each_kind
def test_stops_when_asked(name: str) -> None:
    prior = make(name, layouts_of(name)["plain"])
    seen: list[tuple[int, int]] = []
    prior.sample(2, on_step=lambda done, total: seen.append((done, total)))
    total = seen[0][1]
    assert seen == [(step, total) for step in range(1, total + 1)]
    seen.clear()
    with pytest.raises(SamplingStopped, match=f"after 2 of {total}"):
        prior.sample(2, on_step=lambda done, total: seen.append((done, total)), stop_requested=lambda: len(seen) == 2)
    assert len(seen) == 2


@with_classes
def test_half_precision(name: str, layout: str) -> None:
    prior = make(name, layouts_of(name)[layout], 3, rotary=True)
    tokens, labels = random_tokens(prior.layout, 4), labels_for(prior, 4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = prior.loss(tokens, labels)
        drawn = prior.sample(4, labels, Sampling(guidance=2.0))
        nll = prior.nll(tokens, labels)
    loss.backward()
    prior.layout.check(drawn)
    assert nll.dtype == torch.float32
    torch.testing.assert_close(nll, prior.nll(tokens, labels), rtol=0.05, atol=0.3)


@each_kind
def test_labels_matter_unless_hidden(name: str) -> None:
    prior = make(name, layouts_of(name)["plain"], 3, label_dropout=1.0)
    tokens = random_tokens(prior.layout, 4)

    def loss(label: int) -> torch.Tensor:
        torch.manual_seed(0)
        return prior.loss(tokens, torch.full((4,), label))

    assert not torch.equal(loss(0), loss(1))
    prior.train()
    assert torch.equal(loss(0), loss(1))
    loss(0).backward()
    assert prior.input.starts.grad.any(1).tolist() == [False, False, False, True]  # the start without a class learns


@with_classes
def test_copies_and_stored_weights_are_the_same_prior(name: str, layout: str) -> None:
    prior = make(name, layouts_of(name)[layout], 3, rotary=True)
    fresh = create_prior(prior.config, prior.layout, 3, quantizers_of(prior.layout)).eval()
    fresh.load_state_dict(prior.state_dict())
    tokens, labels = random_tokens(prior.layout, 2), labels_for(prior, 2)
    for other in (fresh, copy.deepcopy(prior)):
        assert torch.equal(other.nll(tokens, labels), prior.nll(tokens, labels))


@each_kind
def test_dropout_is_for_training(name: str) -> None:
    prior = make(name, layouts_of(name)["plain"], dropout=0.5).train()
    tokens = random_tokens(prior.layout, 2)
    torch.manual_seed(0)
    assert not torch.equal(prior(tokens), prior(tokens))
    assert torch.equal(prior.nll(tokens), prior.nll(tokens))


def test_names() -> None:
    assert prior_name_of(GPTConfig()) == "gpt"
    assert prior_name_of(MaskGITConfig()) == "maskgit"
    assert prior_name_of(VARConfig()) == "var"
    assert [prior.exact for prior in PRIORS.values()] == [True, False, True]


@each_kind
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width must be an integer from 1"),
        ({"heads": 3}, "width must be a multiple of the 3 heads, got 16"),
        ({"dropout": 1.5}, "dropout must be a finite number >= 0 and < 1"),
        ({"rotary": True, "heads": 8}, "rotary places along 2 axes need heads of a multiple of 4 channels, got 2"),
    ],
)
def test_bad_sizes(name: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(name, layouts_of(name)["plain"], **changes)


@each_kind
def test_bad_input_is_one_sentence(name: str) -> None:
    free, classed = make(name, layouts_of(name)["plain"]), make(name, layouts_of(name)["plain"], 3)
    tokens = random_tokens(free.layout, 2)
    label = torch.tensor([0, 1])

    def fails(prior: Prior, message: str, *arguments: object) -> None:
        for call in (prior.nll, prior.loss, prior.forward):
            with pytest.raises(ValueError, match=message):
                call(*arguments)

    fails(free, "made without classes; leave labels out", tokens, label)
    fails(classed, "labels are missing: this prior takes one of 3 classes", tokens)
    fails(classed, "labels must lie in \\[0, 3\\), got 3 to 4", tokens, label + 3)
    fails(classed, "one for each of 2 pictures, got torch.int64 of \\(1,\\)", tokens, label[:1])
    fails(free, "the context is 6 positions long, got tokens of 12", torch.cat([tokens, tokens], 1))
    fails(free, "tokens must lie in", tokens + 9)
    fails(free, "int64", tokens.int())
    with pytest.raises(ValueError, match="of all 6 positions, got 5"):
        free.nll(tokens[:, :5])
    with pytest.raises(ValueError, match="count must be an integer >= 1"):
        free.sample(0)
    with pytest.raises(ValueError, match="given must have the first positions of all 3 pictures, got 2"):
        free.sample(3, given=tokens[:, :1])
    with pytest.raises(ValueError, match="context is 6"):
        free.sample(2, given=torch.cat([tokens, tokens], 1))
    with pytest.raises(ValueError, match="labels are missing"):
        classed.sample(2)
    with pytest.raises(ValueError, match="guidance needs a prior that was trained with classes"):
        free.sample(2, sampling=Sampling(guidance=2.0))
    never_hidden = make(name, layouts_of(name)["plain"], 3, label_dropout=0.0)
    with pytest.raises(ValueError, match="guidance needs"):
        never_hidden.sample(2, label, Sampling(guidance=2.0))


@each_kind
def test_labels_as_a_list(name: str) -> None:
    prior = make(name, layouts_of(name)["plain"], classes=3)
    tokens = random_tokens(prior.layout, 3)
    labels = torch.tensor([2, 0, 1])
    for call in (prior.nll, prior.forward):
        assert torch.equal(call(tokens, labels.tolist()), call(tokens, labels))
    assert torch.equal(prior.sample(3, [2, 0, 1], generator=seeded(1)), prior.sample(3, labels, generator=seeded(1)))
    assert prior.loss(tokens, [2, 0, 1]).isfinite()


@each_kind
def test_bad_labels_are_named(name: str) -> None:
    prior = make(name, layouts_of(name)["plain"], classes=3)
    for labels in ([0.5, 1.0, 2.0], [0, 1], [True, False, True], [0, 1, 3]):
        with pytest.raises(ValueError, match="labels"):
            prior.sample(3, labels)
