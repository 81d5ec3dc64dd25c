"""Every figure of the product beside its floor, measured in the same run: ``make bench`` or ``python -m bench -h``.

What each row means and how it is measured stands in docs/benchmarks.md. Timing decides no test: the exit code is 0 when
a goal is missed, and the table says so.
"""
