"""The comparison of what a twin's tensors must be with what they are, bit for bit. NumPy only."""

from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]

#: Above this, the largest difference of the outputs is no longer rounding: a tensor is misplaced.
FORWARD_LIMIT = 1e-4


@dataclass(frozen=True)
class Comparison:
    """One tensor: its name, how many values it has, and "equal" or what is wrong."""

    name: str
    values: int
    verdict: str


def compare(expected: Arrays, got: Arrays) -> list[Comparison]:
    """Compare two models' tensors, by the twin's names and in its layout.

    Args:
        expected: the JAX model's parameters, brought into the twin's layout.
        got: the twin's parameters.

    Returns:
        One comparison for every name that either has.
    """
    results = [
        Comparison(name, array.size, _verdict(array, got[name]) if name in got else "not there")
        for name, array in expected.items()
    ]
    results += [
        Comparison(name, got[name].size, "not in the JAX model")
        for name in got
        if name not in expected
    ]
    return results


def largest_difference(expected: Arrays, got: Arrays) -> float:
    """The largest absolute difference of two models' outputs; they must have the same names."""
    if expected.keys() != got.keys():
        raise ValueError(f"outputs must be {sorted(expected)}, got {sorted(got)}")
    return max(float(np.max(np.abs(expected[name] - got[name]))) for name in expected)


def _verdict(expected: np.ndarray, got: np.ndarray) -> str:
    if (expected.shape, expected.dtype) != (got.shape, got.dtype):
        return f"{got.dtype} {got.shape}, must be {expected.dtype} {expected.shape}"
    differ = int(np.count_nonzero(_words(expected) != _words(got)))
    return f"{differ} of {expected.size} values differ" if differ else "equal"


def _words(array: np.ndarray) -> np.ndarray:
    """The bits of an array's values: unlike floats, -0.0 is not 0.0, and NaN is itself."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")
