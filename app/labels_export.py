"""The words of exports: sheets, the menu on /daily, and what only the printed report says."""

from __future__ import annotations

EXPORT_WORDS: dict[str, tuple[str, str]] = {
    "export_cases": ("案件", "Cases"),
    "export_events": ("事件", "Events"),
    "export_acts": ("操作记录", "Acts"),
    "export_tracks": ("轨迹", "Tracks"),
    "export": ("导出", "Export"),
    "export_pdf": ("日报 PDF", "Report as PDF"),
    "export_xlsx": ("当日案件 Excel", "Cases, Excel"),
    "export_csv": ("当日案件 CSV", "Cases, CSV"),
    "pdf_page": ("第 {n} 页 / 共 {of} 页", "Page {n} of {of}"),
    "pdf_version": ("当日档案第 {n} 版", "Archive of the day: version {n}"),
    "pdf_running": ("当日未完", "the day still runs"),
    "pdf_not_frozen": ("当日档案未定版", "archive of the day not frozen yet"),
    "pdf_printed": ("生成于 {time}", "Made at {time}"),
    "cohort_came_in": ("当日流入", "came in on the day"),
    "cohort_fell_due": ("当日到期", "fell due on the day"),
    "cohort_closed": ("当日结案", "closed on the day"),
    "cohort_now": ("截止时在办", "open at the cut-off"),
}
