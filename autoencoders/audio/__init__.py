"""Sound: backbones that a quantizer plugs into, their discriminators, and distances between two sounds."""
