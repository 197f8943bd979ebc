"""Makes the modules of the simulation importable; they are no package of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
