"""Orthogonal matrices from normal ones, by QR on the host.

JAX calls LAPACK's QR; SciPy's is the same routine, NumPy's agrees to about 2e-6 in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DTYPES", "orthogonal"]

Array = np.ndarray[Any, Any]

#: Dtypes that LAPACK knows; JAX raises NotImplementedError for others.
DTYPES: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(kind) for kind in (np.float32, np.float64, np.complex64, np.complex128)
)


def orthogonal(normal: Array, *, transposed: bool) -> Array:
    """The orthogonal factor of a tall matrix, its columns' signs fixed by R's diagonal.

    Args:
        normal: a matrix of shape (long, short), long >= short, of independent normals.
        transposed: return a (short, long) matrix with orthonormal rows.

    Returns:
        A matrix with orthonormal columns (or rows), uniformly distributed.

    Source: Mezzadri, "How to generate random matrices from the classical compact groups"
    (arXiv:math-ph/0609050); jax/_src/random/core.py, `_orthogonal`.
    """
    q, r = _qr(normal)
    diagonal = np.diagonal(r)
    q *= np.sign(diagonal)
    return q.T if transposed else q


def _qr(matrix: Array) -> tuple[Array, Array]:
    try:
        from scipy.linalg import qr
    except ImportError:
        q, r = np.linalg.qr(matrix)
        return q.astype(matrix.dtype), r.astype(matrix.dtype)
    q, r = qr(matrix, mode="economic", check_finite=False)
    return q, r
