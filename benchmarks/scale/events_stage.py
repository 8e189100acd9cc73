"""One reading in a process of its own: `python -m benchmarks.scale.events_stage ENGINE FOLDER` prints JSON."""

import json
import sys
from pathlib import Path

from benchmarks.scale.events import read

if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1], Path(sys.argv[2]))))
