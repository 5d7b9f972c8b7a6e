"""One self-contained HTML page that shows what was measured; it renders, it computes no statistic."""

from gxtool.report.page import report

__all__ = ["report"]
