"""Whole models: python -m benchmarks.model. PyTorch by varscale, by itself, and flax's init.

A ViT-S/16 (about 22 million values, 152 tensors), each of the three in turn, and, with --large, a
transformer of about a billion values that is made on the meta device and filled once. One core
unless --threads says otherwise. The twins' parameters are those of the Flax models; what is timed
includes deriving the keys, without JAX, and matching the modules.
"""

from __future__ import annotations

import argparse
import os
import resource
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
    parser.add_argument("--large", action="store_true", help="the large model alone")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    import torch

    torch.set_num_threads(options.threads)
    if options.large:
        large()
    else:
        small(options.threads)


def small(threads: int) -> None:
    """A ViT-S/16 by varscale, by itself and in Flax."""
    import varscale.torch
    from examples.cost import Cost, measured
    from examples.torch_says import VIT
    from examples.torch_twins import ViT

    model = ViT(width=384, depth=12, heads=6, mlp_width=1536)

    def itself() -> None:
        for module in model.modules():
            for name in ("reset_parameters", "_reset_parameters"):
                if hasattr(module, name):
                    getattr(module, name)()

    calls: dict[str, Callable[[], object]] = {
        "varscale": lambda: varscale.torch.init_(model, 0, like="flax.linen", **VIT),
        "torch, reset_parameters": itself,
    }
    costs: dict[str, list[Cost]] = {name: [] for name in calls}
    for _ in range(9):
        for name, call in calls.items():
            costs[name].append(measured(call)[1])
    values = sum(parameter.numel() for parameter in model.parameters())
    print(f"{values:,} values, {len(list(model.parameters()))} tensors, {threads} thread(s)")
    for name, each in costs.items():
        times = [cost.seconds * 1e3 for cost in each]
        mib = sum(cost.mib for cost in each)
        print(
            f"{name}: first {times[0]:.0f} ms, mean {statistics.mean(times):.0f} ms, median "
            f"{statistics.median(times):.0f} ms; memory {mib:.1f} MiB more"
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


def large() -> None:
    """About a billion values: described on the meta device, filled once."""
    import torch

    import varscale.torch
    from examples.torch_says import VIT
    from examples.torch_twins import ViT

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with torch.device("meta"):
        model = ViT(width=1536, depth=36, heads=16, mlp_width=6144)
    plan = varscale.torch.plan(model, 0, like="flax.linen", **VIT)
    planned = time.perf_counter()
    model.to_empty(device="cpu")
    plan.fill_()
    filled = time.perf_counter()
    values = sum(parameter.numel() for parameter in model.parameters())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{values:,} values, {len(list(model.parameters()))} tensors, {values * 4 >> 20} MiB")
    print(f"described and planned: {planned - start:.2f} s; filled: {filled - planned:.2f} s")
    print(f"peak memory over the imports: {peak >> 10} MiB")


if __name__ == "__main__":
    main()
