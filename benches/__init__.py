"""Measurements against the budgets of the design. Never part of the product.

Each ``*_bench.py`` has a function ``run()`` that returns rows, dicts with these keys:

- ``name``: what was measured;
- ``ours``, ``reference``: two figures in ``unit``, measured in turn in that run; None where there is none;
- ``ratio``: ours over reference, the same on any machine; None without a reference;
- ``budget``: the bound on the ratio, or on ours where there is no reference; None for a figure that is only shown;
- ``unit``: ``s``, ``MB``, ``CPU s``, ...;
- ``passed``: whether the budget is kept; True without one.
"""
