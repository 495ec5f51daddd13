"""One function a task: (project, spec, span, ...) to a frozen result with a verdict and a URI.

Operators, ``ratchet run`` and the scheduler's tasks all call these and nothing below them.
"""
