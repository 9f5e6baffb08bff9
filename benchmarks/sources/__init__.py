"""The quantizers alone, as source coders: random vectors whose least possible distortion is known.

rate_distortion   Shannon's bounds
lloyd_max         the best scalar quantizers
vectors           the sources: Gaussian, Laplacian, Gauss–Markov, patches of the bundled photographs
codec             the affine encoder and decoder around a quantizer, how they are trained and measured
run               one run from its configuration to its record, and many of them at once
record            stored runs
tables, plot      what is shown of them
"""
