import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from autoencoders import BlockKMeans, BlockMean, BlockPCA, BlockTokenizer
from autoencoders.blocks import ColorQuantizer
from quantizers.testing import check_quantizer


def smooth_pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Random pictures of 16 pixels whose neighbours are alike, in [-1, 1]."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, 16, mode="bilinear")


def as_rows(pictures: torch.Tensor, stride: int) -> np.ndarray:
    """Each block's pixels as a row, cut out one by one."""
    places = range(0, pictures.shape[-1], stride)
    return np.stack(
        [
            picture[:, top : top + stride, left : left + stride].ravel()
            for picture in pictures.numpy()
            for top in places
            for left in places
        ]
    )


def fitted(tokenizer: BlockTokenizer, pictures: torch.Tensor) -> BlockTokenizer:
    assert tokenizer.fit(pictures.split(5)) == len(pictures)
    return tokenizer.eval()


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_codes_of_the_block_mean_are_the_rounded_means(stride: int) -> None:
    pictures = torch.randint(0, 256, (4, 3, 16, 24), generator=torch.Generator().manual_seed(0))
    (codes,) = BlockMean(stride).encode(pictures / 127.5 - 1)
    assert codes.dtype == torch.int64
    assert codes.shape == (4, 3, 16 // stride, 24 // stride)
    sums = pictures.unfold(2, stride, stride).unfold(3, stride, stride).sum((-1, -2))
    assert (2 * (stride**2 * codes - sums).abs()).max() <= stride**2  # |code - mean| <= 1/2, in integers


def test_block_mean_is_flat_within_a_block_and_decodes_from_codes() -> None:
    model, images = BlockMean(4), torch.rand(2, 3, 8, 8) * 2 - 1
    assert model.fit([images]) == 0
    reconstruction, (codes,), *_ = model(images)
    blocks = reconstruction.unfold(2, 4, 4).unfold(3, 4, 4)
    assert torch.equal(blocks, blocks[..., :1, :1].expand_as(blocks))
    assert torch.equal(((reconstruction[:, :, ::4, ::4] + 1) * 127.5).round().long(), codes)
    torch.testing.assert_close(model.decode([codes]), reconstruction)


@pytest.mark.slow
def test_the_colour_quantizer_keeps_the_contract_also_compiled() -> None:
    check_quantizer(ColorQuantizer)


def test_the_colour_quantizer_is_eight_bits_per_channel() -> None:
    model = BlockMean(2)
    quantizer = model.quantizer
    assert (quantizer.dim, quantizer.codebook_size, quantizer.codes_per_position) == (3, 256, 3)
    assert quantizer.bits_per_position == 24
    assert not list(model.parameters())
    z = torch.linspace(-1.2, 1.2, 60).reshape(4, 3, 5)
    output = quantizer(z)
    assert output.codes.min() == 0
    assert output.codes.max() == 255
    assert output.loss == 0


@pytest.mark.parametrize("stride", [4, 8])
def test_pca_loses_as_much_as_that_of_scikit_learn(stride: int) -> None:
    pictures, others = smooth_pictures(40), smooth_pictures(6, seed=1)
    model = fitted(BlockPCA(stride, 5), pictures)
    (latent,) = (output.quantized for output in model.quantize(others))
    assert latent.shape == (6, 5, 16 // stride, 16 // stride)
    reference = PCA(5, svd_solver="full").fit(as_rows(pictures, stride).astype(np.float64))
    expected = reference.inverse_transform(reference.transform(as_rows(others, stride)))
    np.testing.assert_allclose(as_rows(model(others).reconstruction, stride), expected, atol=2e-5)
    variances = latent.movedim(1, 0).flatten(1).var(1)
    assert variances[0] > variances[-1]  # the largest components come first


def test_all_components_lose_nothing() -> None:
    pictures = smooth_pictures(4)
    model = fitted(BlockPCA(4, 1000), pictures)
    assert model.quantizer.dim == 48
    torch.testing.assert_close(model(pictures).reconstruction, pictures, atol=1e-5, rtol=0)


def test_kmeans_is_as_good_as_that_of_scikit_learn() -> None:
    pictures, others = smooth_pictures(60), smooth_pictures(20, seed=1)
    model = fitted(BlockKMeans(4, 16), pictures)
    reference = KMeans(16, n_init=1, max_iter=10, random_state=0).fit(as_rows(pictures, 4))
    expected = reference.cluster_centers_[reference.predict(as_rows(others, 4))]
    error = (model(others).reconstruction - others).square().mean().item()
    assert error < 1.05 * ((expected - as_rows(others, 4)) ** 2).mean()
    (codes,) = model.encode(others)
    assert codes.shape == (20, 1, 4, 4)
    assert codes.unique().numel() == 16
    torch.testing.assert_close(model.decode([codes]), model(others).reconstruction)


def test_each_block_of_kmeans_is_the_nearest() -> None:
    model = fitted(BlockKMeans(8, 8), smooth_pictures(10))
    others = smooth_pictures(3, seed=2)
    made, centres = as_rows(model(others).reconstruction, 8), model.quantizer.codebook().detach().numpy()
    distances = ((as_rows(others, 8)[:, None] - centres.reshape(8, 3, 8, 8).reshape(8, -1)) ** 2).sum(-1)
    np.testing.assert_allclose(made, centres[distances.argmin(1)])


@pytest.mark.parametrize("make", [lambda: BlockPCA(4, 5), lambda: BlockKMeans(4, 16)])
def test_fitting_is_the_same_however_batched_and_survives_its_state(make) -> None:
    pictures = smooth_pictures(12)
    one, other = make(), make()
    one.fit([pictures])
    other.fit(pictures.split(5))
    again = make().eval()
    again.load_state_dict(other.state_dict())
    torch.testing.assert_close(one.eval()(pictures).reconstruction, other.eval()(pictures).reconstruction)
    assert torch.equal(again(pictures).reconstruction, other(pictures).reconstruction)


@pytest.mark.parametrize("make", [lambda: BlockPCA(4, 5), lambda: BlockKMeans(4, 16)])
def test_nothing_to_fit_on(make) -> None:
    with pytest.raises(ValueError, match="no picture"):
        make().fit([])


@pytest.mark.parametrize("make", [BlockMean, lambda stride: BlockPCA(stride, 2), lambda stride: BlockKMeans(stride, 2)])
def test_wrong_sizes(make) -> None:
    with pytest.raises(ValueError, match="multiples of the strides 8 × 8, got 12 × 16"):
        make(8).encode(torch.zeros(1, 3, 12, 16))
    with pytest.raises(ValueError, match="stride must be at least 1"):
        make(0)


def moving_films(count: int, seed: int = 0) -> torch.Tensor:
    """Films of 8 frames of 16 pixels, smooth in time and space, in [-1, 1]."""
    coarse = torch.rand(count, 3, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (8, 16, 16), mode="trilinear")


def film_rows(films: torch.Tensor, stride: tuple[int, int, int]) -> np.ndarray:
    """Each block of frames and pixels as a row, cut out one by one."""
    times, tops, lefts = (range(0, length, step) for length, step in zip(films.shape[2:], stride, strict=True))
    t, h, w = stride
    return np.stack(
        [
            film[:, time : time + t, top : top + h, left : left + w].ravel()
            for film in films.numpy()
            for time in times
            for top in tops
            for left in lefts
        ]
    )


def test_block_means_of_films_are_the_rounded_means() -> None:
    films, stride = moving_films(2), (4, 8, 2)
    made = BlockMean(stride)(films)
    means = film_rows(films, stride).reshape(2 * 2 * 2 * 8, 3, -1).mean(-1)
    expected = np.round((means + 1) * 127.5) / 127.5 - 1
    found = film_rows(made.reconstruction, stride).reshape(len(expected), 3, -1)
    np.testing.assert_allclose(found, np.broadcast_to(expected[:, :, None], found.shape), atol=1e-6)
    assert made.codes[0].shape == (2, 3, 2, 2, 8)


def test_pca_and_kmeans_of_films_are_those_of_scikit_learn() -> None:
    films, others, stride = moving_films(30), moving_films(4, seed=1), (4, 4, 4)
    rows, unseen = film_rows(films, stride), film_rows(others, stride)
    pca = fitted(BlockPCA(stride, 6), films)
    reference = PCA(6, svd_solver="full").fit(rows.astype(np.float64))
    expected = reference.inverse_transform(reference.transform(unseen))
    np.testing.assert_allclose(film_rows(pca(others).reconstruction, stride), expected, atol=2e-5)
    kmeans = fitted(BlockKMeans(stride, 16), films)
    centres = KMeans(16, n_init=1, max_iter=10, random_state=0).fit(rows)
    loss = ((centres.cluster_centers_[centres.predict(unseen)] - unseen) ** 2).mean()
    assert (kmeans(others).reconstruction - others).square().mean().item() < 1.05 * loss
    assert kmeans.encode(others)[0].shape == (4, 1, 2, 4, 4)


def test_of_one_frame_films_are_pictures() -> None:
    pictures = smooth_pictures(12)
    for ours, theirs in ((BlockPCA((1, 4, 4), 5), BlockPCA(4, 5)), (BlockKMeans((1, 4, 4), 8), BlockKMeans(4, 8))):
        ours.fit([pictures[:, :, None]])
        theirs.fit([pictures])
        found, expected = (of.eval()(x).reconstruction for of, x in ((ours, pictures[:, :, None]), (theirs, pictures)))
        torch.testing.assert_close(found[:, :, 0], expected)
