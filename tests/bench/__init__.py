"""Rates and ratios, measured in one run: `python -m tests.bench [--quick] [--json FILE]`. Only ratios travel."""
