"""What a record says of the machine."""

import torch

from benchmarks.records.environment import environment


def test_the_processor_has_a_name_and_the_instructions_in_use() -> None:
    name, _, instructions = environment(torch.device("cpu")).processor.rpartition(", ")
    assert name
    assert instructions == torch.backends.cpu.get_cpu_capability()
