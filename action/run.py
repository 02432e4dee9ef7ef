"""Run the command line from the files of this action: `python -I run.py audit …`, with nothing else on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from auditor.cli import main

if __name__ == "__main__":
    main()
