"""Contrast runs of the lumbar spine with known truth: X-rays, contrast, motion, headers, suites."""

__all__: list[str] = []
