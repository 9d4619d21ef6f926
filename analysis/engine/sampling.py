"""Random inputs (MODEL.md 4): scrambled Sobol' points or Philox counters, turned into standard normals.

Every number depends on (seed, iteration, dimension) alone. Uniforms are 32-bit integers x read as (x + 1/2) / 2^32,
so that they never reach 0 or 1; the smaller tail is kept as the exact small number, so float32 loses nothing there.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .elementary import log

BLOCK = 256
"""Iterations in a block, the unit of work and of summation."""
REPLICATES = 16
"""Independent replicates; block b belongs to replicate b mod 16."""
ROUND = BLOCK * REPLICATES
"""Iterations in a round: one block of every replicate."""

Words = NDArray[np.uint32]

_DRAWS, _SCRAMBLE = 0, 1
_BITS = 32


@njit(cache=True, inline="always")
def philox(c0, c1, c2, c3, key):
    """Philox 4x32-10 (Salmon et al. 2011): four 32-bit words (as uint64) from a 128-bit counter and a 64-bit key."""
    mask = np.uint64(0xFFFFFFFF)
    k0, k1 = key & mask, key >> np.uint64(32)
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0 = (p1 >> np.uint64(32)) ^ c1 ^ k0
        c1 = p1 & mask
        c2 = (p0 >> np.uint64(32)) ^ c3 ^ k1
        c3 = p0 & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@njit(cache=True)
def _scramble_words(seed, dimensions):
    """36 random words for every replicate and dimension: 32 matrix rows and a shift (the rest unused)."""
    words = np.empty((REPLICATES, dimensions, 36), dtype=np.uint32)
    for r in range(REPLICATES):
        for d in range(dimensions):
            for i in range(9):
                w = philox(np.uint64(r), np.uint64(d), np.uint64(i), np.uint64(_SCRAMBLE), np.uint64(seed))
                for k in range(4):
                    words[r, d, 4 * i + k] = np.uint32(w[k])
    return words


@cache
def direction_numbers() -> Words:
    """Sobol' direction numbers [dimension, bit] of Joe & Kuo (2008), new-joe-kuo-6, for 144 dimensions.

    From the primitive polynomials and initial values in `joe_kuo.txt` by the recurrence of Bratley & Fox (1988).
    """
    lines = files(__package__).joinpath("joe_kuo.txt").read_text().splitlines()
    table = [[int(word) for word in line.split()] for line in lines if not line.startswith("#")]
    numbers = np.zeros((len(table) + 1, _BITS), dtype=np.uint32)
    numbers[0] = [1 << (31 - bit) for bit in range(_BITS)]
    for row, (polynomial, *initial) in enumerate(table, start=1):
        degree = len(initial)
        v = [m << (31 - bit) for bit, m in enumerate(initial)]
        for bit in range(degree, _BITS):
            value = v[bit - degree] ^ (v[bit - degree] >> degree)
            for k in range(1, degree):
                if polynomial >> (degree - k) & 1:
                    value ^= v[bit - k]
            v.append(value)
        numbers[row] = v
    return numbers


def scrambled_directions(seed: int, dimensions: int) -> tuple[Words, Words]:
    """Direction numbers [replicate, dimension, bit] and shifts [replicate, dimension] of the 16 replicates.

    Each is scrambled by its own random lower-triangular matrix and digital shift (Matousek 1998), which keeps the
    net's structure and makes every point uniform.
    """
    words = _scramble_words(seed, dimensions)
    bit = np.arange(_BITS, dtype=np.uint32)
    diagonal = np.uint32(1) << (np.uint32(31) - bit)
    above = ~((diagonal << np.uint32(1)) - np.uint32(1))
    rows = (words[:, :, :32] & above) | diagonal
    columns = direction_numbers()[None, :dimensions, :]
    scrambled = np.zeros((REPLICATES, dimensions, _BITS), dtype=np.uint32)
    for i in range(_BITS):
        parity = np.bitwise_count(rows[:, :, i, None] & columns) & np.uint32(1)
        scrambled |= parity.astype(np.uint32) << (np.uint32(31) - np.uint32(i))
    return scrambled, words[:, :, 32]


def sobol_tables(seed: int, dimensions: int) -> tuple[Words, Words]:
    """(low, high): points of a block are low[replicate, dimension, lane] ^ the high bits' direction numbers.

    `low` [16, dimensions, 256] holds the shift and the eight lowest bits of the point's index in natural order, `high`
    [16, dimensions, 24] the direction numbers of its block number.
    """
    directions, shift = scrambled_directions(seed, dimensions)
    lane = np.arange(BLOCK, dtype=np.uint32)
    low = np.repeat(shift[:, :, None], BLOCK, axis=2)
    for bit in range(8):
        low ^= directions[:, :, bit, None] * ((lane >> np.uint32(bit)) & np.uint32(1))
    return low, np.ascontiguousarray(directions[:, :, 8:])


@njit(cache=True)
def draw_sobol(replicate, number, low, high, words):
    """Fill the first rows of words [>= dimensions, BLOCK] with block `number` of a replicate's sequence."""
    for d in range(low.shape[1]):
        base = np.uint32(0)
        for bit in range(24):
            if number >> bit & 1:
                base ^= high[replicate, d, bit]
        for j in range(BLOCK):
            words[d, j] = low[replicate, d, j] ^ base


@njit(cache=True)
def draw_pseudo(iteration, seed, words):
    """Fill words [dimensions rounded up to 4, BLOCK] for the iterations from `iteration` on.

    Word d of iteration i is word d mod 4 of the counter (i, d // 4).
    """
    mask = np.uint64(0xFFFFFFFF)
    for group in range(words.shape[0] // 4):
        for j in range(BLOCK):
            i = np.uint64(iteration + j)
            w = philox(i & mask, i >> np.uint64(32), np.uint64(group), np.uint64(_DRAWS), np.uint64(seed))
            words[4 * group, j] = np.uint32(w[0])
            words[4 * group + 1, j] = np.uint32(w[1])
            words[4 * group + 2, j] = np.uint32(w[2])
            words[4 * group + 3, j] = np.uint32(w[3])


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def to_normals(words, normals):
    """Standard normals by the inverse CDF (Wichura 1988, AS 241 PPND16) of the uniforms (x + 1/2) / 2^32.

    The smaller tail is at least 2^-33, so that AS 241's far-tail branch (below exp(-25)) is never needed.
    """
    f = normals.dtype.type
    for d in range(normals.shape[0]):
        for j in range(BLOCK):
            x = words[d, j]
            upper = x >= np.uint32(0x80000000)
            tail = np.int32((~x if upper else x) & np.uint32(0x7FFFFFFF))
            p = (f(tail) + f(0.5)) * f(2.0**-32)
            q = f(0.5) - p
            r = f(0.180625) - q * q
            top = f(2509.0809287301226727)
            top = top * r + f(33430.575583588128105)
            top = top * r + f(67265.770927008700853)
            top = top * r + f(45921.953931549871457)
            top = top * r + f(13731.693765509461125)
            top = top * r + f(1971.5909503065514427)
            top = top * r + f(133.14166789178437745)
            top = top * r + f(3.387132872796366608)
            bottom = f(5226.495278852854561)
            bottom = bottom * r + f(28729.085735721942674)
            bottom = bottom * r + f(39307.89580009271061)
            bottom = bottom * r + f(21213.794301586595867)
            bottom = bottom * r + f(5394.1960214247511077)
            bottom = bottom * r + f(687.1870074920579083)
            bottom = bottom * r + f(42.313330701600911252)
            bottom = bottom * r + f(1.0)
            central = q * top / bottom
            s = np.sqrt(-log(p)) - f(1.6)
            top = f(7.7454501427834140764e-4)
            top = top * s + f(0.0227238449892691845833)
            top = top * s + f(0.24178072517745061177)
            top = top * s + f(1.27045825245236838258)
            top = top * s + f(3.64784832476320460504)
            top = top * s + f(5.7694972214606914055)
            top = top * s + f(4.6303378461565452959)
            top = top * s + f(1.42343711074968357734)
            bottom = f(1.05075007164441684324e-9)
            bottom = bottom * s + f(5.475938084995344946e-4)
            bottom = bottom * s + f(0.0151986665636164571966)
            bottom = bottom * s + f(0.14810397642748007459)
            bottom = bottom * s + f(0.68976733498510000455)
            bottom = bottom * s + f(1.6763848301838038494)
            bottom = bottom * s + f(2.05319162663775882187)
            bottom = bottom * s + f(1.0)
            z = central if q <= f(0.425) else top / bottom
            normals[d, j] = z if upper else -z
