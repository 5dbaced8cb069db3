"""The integer functions of NOTATION and NOISE LEVELS"""
import numpy as np

M64 = 2**64 - 1
T = [round(2**30 * 2 ** (-j / 32)) for j in range(32)]
ONE = 32640


def R(a, b=1):
    """floor(a / b + 1/2)"""
    return (2 * a + b) // (2 * b)


def H(v, c=None):
    if c is not None:
        return H(H(v) ^ ((c * 0xD1342543DE82EF95 + 1) & M64))
    v = (v + 0x9E3779B97F4A7C15) & M64
    v = ((v ^ (v >> 30)) * 0xBF58476D1CE4E5B9) & M64
    v = ((v ^ (v >> 27)) * 0x94D049BB133111EB) & M64
    return v ^ (v >> 31)


def hashes(key, n):
    """H(key, c) for c = 0 to n - 1, modulo 2^64 as numpy's numbers are"""
    u = np.uint64
    v = (u(H(key)) ^ (np.arange(n, dtype=u) * u(0xD1342543DE82EF95) + u(1))) + u(0x9E3779B97F4A7C15)
    v = (v ^ v >> u(30)) * u(0xBF58476D1CE4E5B9)
    v = (v ^ v >> u(27)) * u(0x94D049BB133111EB)
    return v ^ v >> u(31)


def ratio(n):
    return R(T[n % 32], 2 ** (n // 32))


def sigma(e):
    k = 30 + e // 32
    return R(5849088 * T[e % 32], 2**k)


def G(v):
    n = v.bit_length() - 1
    m = v * 2**31 // 2**n
    f = 0
    for _ in range(16):
        m = m * m >> 31
        f *= 2
        if m >= 2**32:
            m >>= 1
            f += 1
    return 65536 * n + f


def level(v):
    return (G(5849088) - G(v)) // 8


def shift_round(v, n):
    return (v + (1 << (n - 1))) >> n


def wrap(v):
    return (v + 2**31) % 2**32 - 2**31


def limited(v, most):
    return min(max(v, -most), most)


def toward_zero(a, b):
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def ilog(v):
    return v.bit_length() - 1
