"""A small phantom of contrast runs in the lumbar spine, with its truth."""

from guidance.simulation._phantom import simulate_run
from guidance.simulation._records import PhantomSettings, RunTruth, SimulatedRun

__all__ = ["PhantomSettings", "RunTruth", "SimulatedRun", "simulate_run"]
