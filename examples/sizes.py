"""The sizes that the small models and their twins agree on, and the inputs of all models. NumPy."""

import numpy as np

WORDS, LENGTH, WIDTH, HEADS, DEPTH, TAGS = 31, 7, 12, 3, 2, 9
FEATURES, HIDDEN, CLASSES = 32, 64, 10


def inputs() -> dict[str, np.ndarray]:
    """What the models are called with; images are (batch, height, width, channels)."""
    random = np.random.default_rng(0)
    words = random.integers(WORDS, size=(2, 2, LENGTH), dtype=np.int32)
    return {
        "images": random.standard_normal((2, 32, 32, 3), dtype=np.float32),
        "vectors": random.standard_normal((2, FEATURES), dtype=np.float32),
        "source": words[0],
        "target": words[1],
    }
