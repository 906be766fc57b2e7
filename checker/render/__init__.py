"""Renderers of a `checker.report.Report`, one module each."""
