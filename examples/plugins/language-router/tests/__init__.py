"""Puts the sources and the SDK on the path: `python3 -m unittest` needs nothing installed."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT / "../../../sdk/python")]
