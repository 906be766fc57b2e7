"""Reports as strict JSON, for other programs."""

import json
import math
from collections.abc import Sequence
from typing import Any

from ..report import Report

#: Raised whenever a field changes its name or its meaning; new fields may appear at any time.
VERSION = 1


def render(reports: Report | Sequence[Report], indent: int | None = 2) -> str:
    """`{"version": 1, "reports": [...]}`, each report as in `Report.to_dict`.

    JSON has no number for what is not finite: those become the strings "NaN", "Infinity" and "-Infinity".
    """
    several = [reports] if isinstance(reports, Report) else reports
    document = {"version": VERSION, "reports": [_strict(report.to_dict()) for report in several]}
    return json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
