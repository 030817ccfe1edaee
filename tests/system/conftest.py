"""What the system tests share."""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).parent)
)  # pytest imports each test file on its own; this finds the helpers next to them
