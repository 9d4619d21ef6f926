"""`python -m bench.fresh MODEL.json ITERATIONS`: one simulation in a process of its own; prints its peak memory."""

import resource
import sys
from pathlib import Path

from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model, with_run

if __name__ == "__main__":
    simulate(with_run(parse_model(Path(sys.argv[1]).read_bytes()), iterations=int(sys.argv[2])))
    # in bytes; the system counts kibibytes, macOS bytes
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
