"""Write-once objects and Delta tables, on local disk or S3."""

from __future__ import annotations
