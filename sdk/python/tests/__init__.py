"""The SDK's own tests: `python3 -m unittest`, or with all that needs more, `python3 check.py`."""
