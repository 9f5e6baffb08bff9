"""The table of variants: the protocol first, single choices single, sources named, names with versions."""

import re

import pytest

from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.variants import names
from benchmarks.protocols.variants.variants import CHOICES, PAPERS, SINGLE_CHOICES, VARIANTS, Variant, find_variant

ROUNDINGS = {"levels", "lpips_levels", "rfid_levels"}


def test_the_protocol_stands_first_and_changes_nothing():
    name, variant = next(iter(VARIANTS.items()))
    assert name == PROTOCOL
    assert variant.changes() == {}


def test_papers_are_known_by_name() -> None:
    assert tuple(PAPERS) == names.PAPERS


def test_single_choices_are_single_and_together_all():
    seen = {name: {getattr(VARIANTS[PROTOCOL], name)} for name in CHOICES}
    for variant in SINGLE_CHOICES.values():
        changes = variant.changes()
        assert len(changes) == 1 or (set(changes) == ROUNDINGS and len(set(changes.values())) == 1)
        for name, choice in changes.items():
            seen[name].add(choice)
    assert seen == {name: set(choices) for name, choices in CHOICES.items()}


def test_what_a_paper_changes_stands_among_the_single_choices():
    singles = {change for variant in SINGLE_CHOICES.values() for change in variant.changes().items()}
    for name, variant in PAPERS.items():
        assert variant.changes(), name
        assert set(variant.changes().items()) <= singles, name


def test_every_variant_has_a_version_and_a_source():
    assert len(VARIANTS) == 1 + len(SINGLE_CHOICES) + len(PAPERS)
    for name, variant in VARIANTS.items():
        assert re.fullmatch(r"[a-z0-9-]+/[1-9][0-9]*", name)
        assert re.search(r"\.(py|md)|PeakSignalNoiseRatio", variant.source), name


def test_found_by_name():
    assert find_variant("llamagen") == find_variant("llamagen/1") == ("llamagen/1", PAPERS["llamagen/1"])
    with pytest.raises(ValueError, match=r"there is no variant taming .*vqgan/1"):
        find_variant("taming")


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="crop of a variant is one of protocol, adm"):
        Variant(crop="corner")
