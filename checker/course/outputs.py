"""What a worker says that a cell put out, as a notebook may store it: texts and pictures of known kinds, no more."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

Output = dict[str, Any]

TEXTS = ("text/plain", "text/html", "text/latex", "text/markdown", "image/svg+xml")
PICTURES = ("image/png", "image/jpeg", "image/gif")
#: Characters of a cell's pictures, beside the limit of its texts.
PICTURED = 4_000_000
#: Outputs of a cell; what comes behind is left out.
MOST = 1000


def outputs(told: Any, limit: int) -> list[Output]:
    """The outputs of a cell, `limit` characters of text in all. Whatever is none is left out."""
    kept: list[Output] = []
    left, pictured = limit + 100, PICTURED
    for each in told[:MOST] if isinstance(told, list) else ():
        made = next(_output(each, left), None) if isinstance(each, dict) else None
        if made is None:
            continue
        texts, pictures = _sizes(made)
        left, pictured = left - texts, pictured - pictures
        if left >= 0 and pictured >= 0:
            kept.append(made)
    return kept


def error(name: str, message: str) -> Output:
    """An output that says what went wrong."""
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}


def printed(text: str) -> Output:
    """A text on standard output."""
    return {"output_type": "stream", "name": "stdout", "text": text if text.endswith("\n") else f"{text}\n"}


def value(number: float) -> Output:
    """The value of a test: its points."""
    data = {"text/plain": repr(number)}
    return {"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}}


def _output(each: dict[Any, Any], left: int) -> Iterator[Output]:
    kind = each.get("output_type")
    if kind == "stream" and each.get("name") in ("stdout", "stderr") and isinstance(each.get("text"), str):
        yield {"output_type": "stream", "name": each["name"], "text": each["text"][: max(0, left)]}
    elif kind in ("display_data", "execute_result") and isinstance(each.get("data"), dict):
        data = {mime: value for mime, value in each["data"].items() if _fits(mime, value)}
        counted = {"execution_count": None} if kind == "execute_result" else {}
        yield {"output_type": kind, "data": data, "metadata": {}, **counted}
    elif kind == "error":
        name, message = (value if isinstance(value, str) else "" for value in (each.get("ename"), each.get("evalue")))
        traceback = each.get("traceback")
        lines = [line for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
        yield {"output_type": "error", "ename": name[:200], "evalue": message[:2000], "traceback": lines[-200:]}


def _fits(mime: Any, value: Any) -> bool:
    if mime in TEXTS:
        return isinstance(value, str)
    if mime not in PICTURES or not isinstance(value, str):
        return False
    try:
        return bool(base64.b64decode(value, validate=False))
    except (binascii.Error, ValueError):
        return False


def _sizes(made: Output) -> tuple[int, int]:
    """Characters of text, and of pictures."""
    data = made.get("data", {})
    texts = len(made.get("text", "")) + sum(map(len, made.get("traceback", ())))
    texts += sum(len(value) for mime, value in data.items() if mime in TEXTS)
    return texts, sum(len(value) for mime, value in data.items() if mime in PICTURES)
