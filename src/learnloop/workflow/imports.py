"""import list, import rejected: what was imported, and which rows were refused and why."""

from typing import Any

from learnloop.store import imports
from learnloop.workflow.context import Loop


def past_imports(loop: Loop, limit: int = 20) -> list[dict[str, Any]]:
    """One row an import, the newest first: its files, state and counts of rows."""
    rows = []
    for found in imports.past(loop.engine, limit):
        report = found["report"]
        parts = report.get("parts", [])
        accounts = [account for kind, account in report.get("rows", {}).items() if kind not in parts]
        rows.append(
            {
                "import_id": found["import_id"],
                "source": found["source"],
                "started_at": found["started_at"].isoformat(timespec="seconds"),
                "state": _state(found["finished_at"] is not None, report),
                "files": len(found["files"]),
                "read": sum(account["read"] for account in accounts),
                "kept": sum(account["kept"] for account in accounts),
                "rejected": sum(sum(account["rejected"].values()) for account in accounts),
            }
        )
    return rows


def rejected_rows(loop: Loop, source: str = "", import_id: str = "", limit: int = 50) -> dict[str, Any]:
    """The first `limit` refused rows, by file and line, and how many there are in all."""
    total, rows = imports.rejected(loop.engine, source, import_id, limit)
    return {"rejected": total, "shown": len(rows), "rows": rows}


def _state(finished: bool, report: dict[str, Any]) -> str:
    if finished:
        return "finished"
    return f"stopped: {report['stopped']}" if "stopped" in report else "running, or killed"
