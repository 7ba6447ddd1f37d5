"""Initializers that return TensorFlow tensors, eagerly and inside `tf.function`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from varscale.adapters.tensorflow.ops import TENSORFLOW
from varscale.arguments import as_shape
from varscale.draws import Draw, Known, bind, fill
from varscale.dtypes import DTypeLike, as_dtype, float_format
from varscale.initializers import Constant, Initializer
from varscale.keys import Key, KeyLike
from varscale.layout import (
    AnyLayout,
    blocks,
    destination_shape,
    in_memory_order,
    row_major_strides,
)
from varscale.numerics import ComplexLaw, Law, sampler

__all__ = ["TensorFlowInitializer"]

#: Elements that one part of a graph makes; its scratch is about 150 bytes times this.
_GRAPH_BLOCK = 1 << 22
#: Short dtypes that TensorFlow cannot cast to.
_WITHOUT_CASTS = frozenset({"float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz"})


@dataclass(frozen=True, slots=True)
class TensorFlowInitializer:
    """An initializer for TensorFlow.

    Attributes:
        data: what it draws.
    """

    data: Initializer

    # Nothing here needs AutoGraph's conversion; without it, tracing takes a third of the time.
    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def __call__(
        self,
        key: KeyLike,
        shape: Sequence[int],
        dtype: DTypeLike | None = None,
        *,
        layout: AnyLayout | None = None,
    ) -> Any:
        """Draw a tensor: exactly what JAX's initializer gives for the same key and shape.

        Inside `tf.function` the values are made by the graph, or by one operation of it on the
        host (docs/exactness.md); the key may be a symbolic uint32 tensor of shape (2,).

        Args:
            key: a `varscale.Key`, an integer seed, a uint32 tensor or a JAX key.
            shape: the shape that JAX would draw; known when traced.
            dtype: default: the initializer's, else float32.
            layout: where the drawn positions lie in the tensor, which has the layout's shape.

        Returns:
            A `tf.Tensor`.

        Raises:
            TypeError: no key; a shape that is not integers.
            ValueError: a dtype, shape or layout that does not fit.

        Example:
            >>> import varscale.tensorflow
            >>> init = varscale.tensorflow.variance_scaling(2.0, "fan_out", "truncated_normal")
            >>> init(0, (3, 3, 16, 32)).shape
            TensorShape([3, 3, 16, 32])
        """
        if dtype is None:
            dtype = self.data.dtype
        numpy_dtype = np.dtype(np.float32) if dtype is None else _numpy_dtype(dtype)
        words = None
        if isinstance(key, tf.Variable):
            key = key.read_value()
        if tf.is_tensor(key) and not hasattr(key, "numpy"):
            words, key = _symbolic_words(key), Key((0, 0))
        drawn = as_shape(shape)
        draw = self.data.draw(key, drawn, numpy_dtype)
        target = destination_shape(drawn, layout)
        if isinstance(draw, Known) and words is not None and not isinstance(self.data, Constant):
            raise NotImplementedError(
                f"key must be known where {type(self.data).__name__} is traced: its matrix is "
                "made on the host"
            )
        if tf.executing_eagerly() or isinstance(draw, Known) or 0 in target:
            return tf.convert_to_tensor(fill(draw, np.empty(target, draw.dtype), layout))
        if _is_for_host(draw.law):
            return _on_host(draw, target, layout, words)
        return _traced(draw, target, layout, words)


def _is_for_host(law: Law | ComplexLaw) -> bool:
    """Whether TensorFlow's graph would not make these values.

    Its optimizer makes x * (sqrt2 * stddev) of (x * sqrt2) * stddev, and the like of complex
    samples, and can be told not to for the whole process only. Some float8 have no casts in it;
    and float64's logarithm is the C library's, on the host, which may as well make all the rest.
    """
    if isinstance(law, ComplexLaw):
        return True
    if law.dtype == np.float64 and law.distribution != "uniform":
        return True
    narrow = float_format(law.dtype).narrow  # its samples are a table
    merged = bool(law.factors_before_clip) and law.clip is None and not narrow
    return merged or law.dtype.name in _WITHOUT_CASTS


def _on_host(
    draw: Draw,
    shape: tuple[int, ...],
    layout: AnyLayout | None,
    words: tuple[Any, Any] | None,
) -> Any:
    """A node of the graph that fills NumPy's memory, as eager code does."""

    def make(high: Any, low: Any) -> np.ndarray[Any, Any]:
        key = replace(draw.key, words=(int(high), int(low)))
        return fill(replace(draw, key=key), np.empty(shape, draw.dtype), layout)

    known = [tf.constant(word, tf.uint32) for word in draw.key.words]
    result = tf.numpy_function(make, known if words is None else words, draw.dtype, stateful=False)
    result.set_shape(shape)
    return result


def _traced(
    draw: Draw,
    shape: tuple[int, ...],
    layout: AnyLayout | None,
    words: tuple[Any, Any] | None,
) -> Any:
    """The graph that makes the values, cut into blocks in row-major order."""
    where, _ = in_memory_order(bind(draw, shape, layout), row_major_strides(shape))
    samples = sampler(TENSORFLOW, draw, words)
    parts = [tf.reshape(samples(part), (-1,)) for _, part in blocks(where, _GRAPH_BLOCK)]
    return tf.reshape(parts[0] if len(parts) == 1 else tf.concat(parts, 0), shape)


def _numpy_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    return as_dtype(dtype.name if isinstance(dtype, tf.DType) else dtype)


def _symbolic_words(key: Any) -> tuple[Any, Any]:
    if key.dtype != tf.uint32 or key.shape != (2,):
        raise TypeError(
            "key must be a uint32 tensor of shape (2,) inside tf.function, got "
            f"{key.dtype.name} of shape {key.shape}"
        )
    return key[0], key[1]
