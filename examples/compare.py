"""The comparison of a Flax model's parameters with a twin's, bit for bit. NumPy only."""

from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]

#: Above this, the largest difference of the outputs is no longer rounding: a tensor is misplaced.
FORWARD_LIMIT = 1e-4


@dataclass(frozen=True)
class Comparison:
    """One parameter: its Linen path, how many values it has, and "equal" or what is wrong."""

    path: str
    values: int
    verdict: str


def compare(expected: Arrays, got: Arrays) -> list[Comparison]:
    """Compare the parameters of two models, each by Linen path and in the same layout.

    Args:
        expected: Flax's parameters, brought into the twin's layout.
        got: the twin's parameters.

    Returns:
        One comparison for every path that either has.
    """
    results = [
        Comparison(path, array.size, _verdict(array, got[path]) if path in got else "no row")
        for path, array in expected.items()
    ]
    results += [
        Comparison(path, got[path].size, "no such Flax parameter")
        for path in got
        if path not in expected
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
