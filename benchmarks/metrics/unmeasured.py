"""What a metric says where a sound gives it nothing to measure."""


class Unmeasured(ValueError):
    """A metric has no number of a sound, because of the reference alone; the message is why.

    It depends on no estimate: whoever is measured on a set of sounds is measured on the same ones.
    """
