"""A whole ViT-S/16: python -m benchmarks.model. PyTorch by varscale, by itself, and flax's init.

About 22 million values in 200 tensors (1 core unless --threads says otherwise). The PyTorch twin's
parameters are filled as the Flax model's are; keys are derived without JAX.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

SCRIPT = """
import time, jax, jax.numpy as jnp
from examples.flax_models import ViT
model = ViT(width=384, depth=12, heads=6, mlp_width=1536)
images = jnp.zeros((1, 32, 32, 3))
start = time.perf_counter()
jax.block_until_ready(jax.{call}(jax.random.key(0), images))
print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import torch

    from examples.torch_process import initialise
    from examples.torch_tables import vit_rows
    from examples.torch_twins import ViT

    torch.set_num_threads(threads)
    model = ViT(width=384, depth=12, heads=6, mlp_width=1536)

    def itself() -> None:
        for module in model.modules():
            for name in ("reset_parameters", "_reset_parameters"):
                if hasattr(module, name):
                    getattr(module, name)()

    calls: dict[str, Callable[[], None]] = {
        "varscale": lambda: initialise(vit_rows(model), 0),
        "torch, reset_parameters": itself,
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(9):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    values = sum(parameter.numel() for parameter in model.parameters())
    print(f"{values:,} values, {len(list(model.parameters()))} tensors, {threads} thread(s)")
    for name, each in times.items():
        print(
            f"{name}: first {each[0] * 1e3:.0f} ms, median {statistics.median(each) * 1e3:.0f} ms"
        )
    for name, expression in (
        ("flax", "tree_util.Partial(model.init)"),
        ("flax, jitted", "jit(model.init)"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(call=expression)],
            capture_output=True,
            text=True,
            check=True,
        )
        print(f"{name}, compilation included: {float(done.stdout) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
