"""Speed and memory, as ratios against peers measured interleaved in one run."""
