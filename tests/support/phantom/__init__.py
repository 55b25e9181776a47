"""A small phantom of contrast runs: hand-worked truth for the monitor's tests, made in a second.

The simulator of `guidance.simulation` is what figures are measured on; this one is small, plain and
fast, and stays as it is, so that the monitor's tests do not move when the simulator learns more.
"""

from phantom._phantom import simulate_run
from phantom._records import PhantomSettings, RunTruth, SimulatedRun

__all__ = ["PhantomSettings", "RunTruth", "SimulatedRun", "simulate_run"]
