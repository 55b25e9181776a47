"""Memory stays flat however long a run is; a run is never held whole."""

import json
import os
import subprocess
import sys

PROGRAM = """
import json, re, sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_analyze import cine_of
from guidance.pipeline import analyze_run

rng = np.random.default_rng(0)
still = rng.normal(500, 15, (1024, 1024))

class Made:
    '''Frames made when they are asked for: a long run without a long array.'''
    dtype = np.dtype(np.uint16)
    shape = (int(sys.argv[1]), 1024, 1024)
    def read(self, index):
        noise = np.random.default_rng(index).integers(-20, 20, (1024, 1024))
        return (still + noise).astype(np.uint16)
    def close(self):
        pass

made = Made()
cine = cine_of(made, np.arange(made.shape[0]) / 8)
object.__setattr__(cine, 'reader', made)
analyze_run(cine, path='run.dcm', sha256='0' * 64)
# Not ru_maxrss: that remembers the memory of the process this one was started from.
print(json.dumps(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])))
"""


def peak_mb(frames: int, folder) -> float:
    """Return the most memory that the analysis of so many frames of 1024² took. Megabytes."""
    path = os.pathsep.join([str(folder.parent / "support"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(frames), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) / 1024


def test_sixty_more_frames_cost_no_memory(request):
    folder = request.path.parent
    short, long = peak_mb(20, folder), peak_mb(80, folder)
    assert long < 1000
    # A bank that fills and results of a few hundred bytes a frame; one frame more held would be
    # 2 MB, sixty 120.
    assert long - short < 40
