"""The quantizers of the zoo: name, class, what it is, and where its options come from.

Apart from the classes, so that lists and help need no torch. A new quantizer is a file of its own and an entry here.
"""

from quantizers.registration import Registration

ZOO = (
    Registration(
        "bsq",
        "quantizers.bsq:BSQ",
        "binary spherical quantization, the signs of a unit vector with an entropy loss (BSQ-ViT)",
        "Zhao et al. 2024, arXiv:2406.07548, 18 bits; weights of the authors' code: entropy 0.1, diversity 1, "
        "inverse temperature 1, no commitment",
    ),
    Registration(
        "diveq",
        "quantizers.diveq:DiVeQ",
        "codes reached by an error vector of differentiable length, no loss of its own (DiVeQ)",
        "Vali et al. 2025, arXiv:2509.26469: variance 1e-3, codebook replacement; its VQ-VAE has dim 512",
    ),
    Registration(
        "fsp",
        "quantizers.fsp:FSP",
        "finite scalar perturbation, a fixed grid trained by noise instead of rounding (VP-VAE)",
        "Zhai et al. 2026, arXiv:2602.17133, and the authors' code: tanh, no quantization while training",
    ),
    Registration(
        "fsq",
        "quantizers.fsq:FSQ",
        "finite scalar quantization, a fixed grid (FSQ)",
        "Mentzer et al. 2023, arXiv:2309.15505, table 1 and appendix A.1; slope=0.8 for iFSQ, arXiv:2601.17124",
    ),
    Registration(
        "fvq",
        "quantizers.fvq:FVQ",
        "codebook under a transformer over all codes, full usage of large codebooks (FVQ, VQBridge)",
        "Chang et al. 2025, arXiv:2509.10140: 16384 codes of dim 256, hidden dim 256, depth 2, patches of 16 codes, "
        "beta 0.25; layers as in the authors' qbridge_ViT.py",
    ),
    Registration(
        "gq",
        "quantizers.gq:GQ",
        "Gaussian VAE held at the codebook's rate, whose codes are random vectors of its prior (Gaussian Quant)",
        "Xu et al. 2025, arXiv:2512.06609, and the authors' code: 65536 codes of 16 channels, tolerance 0.5 bits, "
        "lam_factor 1.01, beta 1; kl_weight is theirs for a mean over a position's 192 values",
    ),
    Registration(
        "gumbel",
        "quantizers.gumbel:Gumbel",
        "discrete VAE, Gumbel-softmax sampling of codes (DALL-E)",
        "Ramesh et al. 2021, arXiv:2102.12092, section 2.1 and appendix A.2: soft samples, temperature 1 to "
        "1/16 by a cosine; its KL weight belongs to a likelihood in pixels, so kl_weight is the VQGAN code's 5e-4",
    ),
    Registration(
        "ibq",
        "quantizers.ibq:IBQ",
        "index backpropagation, every code learns at every step through a softmax (IBQ)",
        "Shi et al. 2024, arXiv:2412.02692, and the authors' configuration for 16384 codes: dim 256, beta 0.25, "
        "entropy weight 0.05 at temperature 0.01",
    ),
    Registration(
        "leech",
        "quantizers.leech:Leech",
        "spherical Leech quantization, fixed vectors that fill the sphere evenly, no loss of its own (Λ24-SQ, NPQ)",
        "Zhao et al. 2025, arXiv:2512.14697: all 196,560 shortest vectors; a part of them is ours",
    ),
    Registration(
        "lfq",
        "quantizers.lfq:LFQ",
        "lookup-free quantization, signs with an entropy loss (MAGVIT-v2)",
        "Yu et al. 2023, arXiv:2310.05737, 18 bits; weights and temperature 1/100 as in Open-MAGVIT2, "
        "arXiv:2409.04410: entropy 0.1, diversity 1, commitment 0.25",
    ),
    Registration(
        "lgq",
        "quantizers.lgq:LGQ",
        "learnable geometric quantization, a codebook that learns through annealed soft assignments (LGQ)",
        "Altun et al. 2026, arXiv:2602.16086, as in the authors' code and its configuration for 16384 codes: dim 64, "
        "tau 1 to 0.1, lambda_peak and lambda_bins 0.005; k-means start is an option there, dead codes are ours",
    ),
    Registration(
        "multi-scale",
        "quantizers.multi_scale:MultiScale",
        "residual quantization from coarse to fine, code maps of growing size (VAR)",
        "Tian et al. 2024, arXiv:2404.02905, algorithms 1 and 2: 4096 codes of 32 channels shared by 10 scales up to "
        "16 x 16, beta 0.25; phi as in its code, 4 convolutions at weight 0.5; k-means start and dead codes are ours",
    ),
    Registration(
        "none",
        "quantizers.none:NoQuantizer",
        "no quantization: float32 passed through, the ceiling row",
    ),
    Registration(
        "pq",
        "quantizers.pq:PQ",
        "product quantization over any quantizer, a code for each group of channels",
        "Jegou et al. 2011, IEEE TPAMI 33(1); in tokenizers wav2vec 2.0, arXiv:2006.11477: 2 groups, and grouped "
        "residual codes in HiFi-Codec, arXiv:2305.02765",
    ),
    Registration(
        "rq",
        "quantizers.rq:RQ",
        "residual quantization over any quantizer, several codes per position (RQ-VAE)",
        "Lee et al. 2022, arXiv:2203.01941: 4 codes, one codebook of 16384 x 256 shared by all depths, "
        "EMA 0.99, commitment 0.25 over all partial sums (eq. 7); dropout from SoundStream, arXiv:2107.03312",
    ),
    Registration(
        "simvq",
        "quantizers.simvq:SimVQ",
        "frozen random codebook under one learned linear layer, which moves all codes at once (SimVQ)",
        "Zhu et al. 2024, arXiv:2411.02038, algorithm 1: 65536 codes of dim 128, beta 0.25 on the commitment "
        "(the authors' code with legacy: false)",
    ),
    Registration(
        "vq",
        "quantizers.vq:VQ",
        "vector quantization, codebook learned by its loss (VQ-VAE)",
        "van den Oord et al. 2017, arXiv:1711.00937, eq. 3, beta 0.25; size of the VQGAN, arXiv:2012.09841",
    ),
    Registration(
        "vq-cosine",
        "quantizers.vq_cosine:VQCosine",
        "vector quantization by cosine similarity, few channels and many codes (ViT-VQGAN, LlamaGen)",
        "Yu et al. 2021, arXiv:2110.04627, section 3.2: 8192 codes of dim 32; the defaults are those of Sun et al. "
        "2024, arXiv:2406.06525, section 3.1: 16384 codes of dim 8, beta 0.25",
    ),
    Registration(
        "vq-ema",
        "quantizers.vq_ema:VQEMA",
        "vector quantization, codebook learned by moving averages (VQ-VAE-2)",
        "van den Oord et al. 2017, arXiv:1711.00937, appendix A.1; Razavi et al. 2019, arXiv:1906.00446: "
        "decay 0.99, beta 0.25; k-means start and dead codes as in SoundStream, arXiv:2107.03312",
    ),
)
