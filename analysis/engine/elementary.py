"""exp and log that LLVM can vectorise, and the bit casts they need.

PyPI's Numba comes without SVML, so `np.exp` in a loop is one library call per lane. These are branch-free: Cody-Waite
reduction and Cephes' polynomials (S. L. Moshier) in float32, a Taylor polynomial of degree 13 in float64.
Arguments must be finite and small enough that the result is a normal number.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

from . import kernel_cache  # noqa: F401 - says where all compiled functions of the engine are kept


@intrinsic
def _bits_to_float(typingctx, bits):
    result = {types.int32: types.float32, types.int64: types.float64}[bits]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType() if result is types.float32 else ir.DoubleType())

    return result(bits), codegen


@intrinsic
def _float_to_bits(typingctx, value):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


def exp(x):
    """E to the x, for float32 |x| <= 87 and float64 |x| <= 700."""


@overload(exp, inline="never", jit_options={"fastmath": {"contract"}, "error_model": "numpy"})
def _exp(x):
    return {types.float32: _exp_float32, types.float64: _exp_float64}[x]


def _exp_float32(x):
    f = np.float32
    whole = np.floor(x * f(1.44269504088896341) + f(0.5))
    r = (x - whole * f(0.693359375)) + whole * f(2.12194440e-4)
    p = f(1.9875691500e-4)
    p = p * r + f(1.3981999507e-3)
    p = p * r + f(8.3334519073e-3)
    p = p * r + f(4.1665795894e-2)
    p = p * r + f(1.6666665459e-1)
    p = p * r + f(5.0000001201e-1)
    p = p * (r * r) + r + f(1.0)
    return p * _bits_to_float(np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)))


_INVERSE_FACTORIALS = tuple(1.0 / math.factorial(k) for k in range(14))


def _exp_float64(x):
    whole = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - whole * 0.693145751953125) - whole * 1.42860682030941723212e-6
    p = _INVERSE_FACTORIALS[13]
    for k in range(12, -1, -1):
        p = p * r + _INVERSE_FACTORIALS[k]
    return p * _bits_to_float((np.int64(whole) + 1023) << 52)


def log(x):
    """Natural logarithm of a positive normal number."""


@overload(log, inline="never", jit_options={"fastmath": {"contract"}, "error_model": "numpy"})
def _log(x):
    return {types.float32: _log_float32, types.float64: _log_float64}[x]


def _log_float64(x):
    return math.log(x)


def _log_float32(x):
    f = np.float32
    bits = _float_to_bits(x)
    exponent = f((bits >> np.int32(23)) - np.int32(126))
    m = _bits_to_float(np.int32((bits & np.int32(0x007FFFFF)) | np.int32(0x3F000000)))
    low = m < f(0.707106781186547524)
    exponent = exponent - f(1.0) if low else exponent
    m = (m + m if low else m) - f(1.0)
    z = m * m
    p = f(7.0376836292e-2)
    p = p * m + f(-1.1514610310e-1)
    p = p * m + f(1.1676998740e-1)
    p = p * m + f(-1.2420140846e-1)
    p = p * m + f(1.4249322787e-1)
    p = p * m + f(-1.6668057665e-1)
    p = p * m + f(2.0000714765e-1)
    p = p * m + f(-2.4999993993e-1)
    p = p * m + f(3.3333331174e-1)
    y = m * z * p + exponent * f(-2.12194440e-4) - f(0.5) * z
    return m + y + exponent * f(0.693359375)


@njit
def exp_array(x):
    """`exp` of every element (for tests)."""
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = exp(x[i])
    return out


@njit
def log_array(x):
    """`log` of every element (for tests)."""
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = log(x[i])
    return out
