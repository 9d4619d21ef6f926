"""Elementary functions and random inputs against SciPy and NumPy."""

from pathlib import Path

import numba
import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest, qmc

from analysis.engine import sampling
from analysis.engine.elementary import exp_array, log_array
from analysis.engine.kernel import run_blocks
from analysis.engine.kernel_cache import ALONE, COMPILED, source_digest


@pytest.mark.parametrize(("kind", "reach"), [(np.float32, 87), (np.float64, 700)])
def test_exp_and_log_are_right_to_the_last_digits(kind, reach):
    x = np.linspace(-reach, reach, 20_001).astype(kind)
    eps = np.finfo(kind).eps
    np.testing.assert_allclose(exp_array(x), np.exp(x.astype(float)), rtol=2 * eps)
    p = np.geomspace(1e-10, 0.999, 20_001).astype(kind)
    np.testing.assert_allclose(log_array(p), np.log(p.astype(float)), rtol=2 * eps, atol=eps)


def test_compiled_kernels_are_kept_apart_for_every_source():
    assert Path(numba.config.CACHE_DIR).name == source_digest()
    path = run_blocks.stats.cache_path
    assert source_digest() in path


def test_every_module_with_compiled_functions_counts_in_their_digest():
    engine = Path(sampling.__file__).parent
    assert {path.stem for path in engine.glob("**/*.py") if "@njit" in path.read_text()} <= {*COMPILED, *ALONE}


def test_direction_numbers_are_those_of_joe_and_kuo():
    points = qmc.Sobol(144, scramble=False, bits=32).random_base2(10)
    gray = np.arange(1024) ^ (np.arange(1024) >> 1)
    ours = np.zeros((1024, 144), np.uint32)
    for bit in range(10):
        ours ^= sampling.direction_numbers()[None, :, bit] * ((gray >> bit) & 1).astype(np.uint32)[:, None]
    np.testing.assert_array_equal(ours / 2**32, points)


def test_philox_gives_the_published_words():
    """Random123's known answers for counter and key 0 and all ones."""
    zero, ones = np.uint64(0), np.uint64(0xFFFFFFFF)
    words = sampling.philox(zero, zero, zero, zero, zero)
    assert [int(w) for w in words] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    words = sampling.philox(ones, ones, ones, ones, np.uint64(2**64 - 1))
    assert [int(w) for w in words] == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_normals_are_the_inverse_of_their_uniforms_also_in_the_far_tails(kind, tolerance):
    words = np.random.default_rng(1).integers(0, 2**32, (4, sampling.BLOCK), dtype=np.uint32)
    words[0, :6] = [0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
    normals = np.empty(words.shape, kind)
    sampling.to_normals(words, normals)
    expected = ndtri(np.minimum(words, ~words) / 2**32 + 0.5 / 2**32) * np.where(words >= 2**31, -1, 1)
    np.testing.assert_allclose(normals, expected, rtol=tolerance, atol=tolerance)


def block_of(replicate, number, seed=42, dimensions=34):
    low, high = sampling.sobol_tables(seed, dimensions)
    words = np.empty((36, sampling.BLOCK), np.uint32)
    sampling.draw_sobol(replicate, number, low, high, words)
    return words[:dimensions]


def test_a_scrambled_block_keeps_the_nets_structure():
    """256 consecutive points fall into 256 intervals in every dimension, each exactly once."""
    for replicate in (0, 7, 15):
        block = block_of(replicate, number=3)
        assert all(len(np.unique(row >> 24)) == 256 for row in block)


def test_replicates_and_seeds_are_scrambled_apart():
    assert not np.array_equal(block_of(0, 0), block_of(1, 0))
    assert not np.array_equal(block_of(0, 0, seed=42), block_of(0, 0, seed=0))


def test_pseudo_random_words_are_uniform_and_depend_on_the_iteration_alone():
    words = np.empty((36, sampling.BLOCK), np.uint32)
    sampling.draw_pseudo(256 * 17, 42, words)
    assert kstest(words.ravel() / 2**32, "uniform").pvalue > 1e-3
    again = np.empty_like(words)
    sampling.draw_pseudo(256 * 17 + 10, 42, again)
    np.testing.assert_array_equal(again[:, :-10], words[:, 10:])
