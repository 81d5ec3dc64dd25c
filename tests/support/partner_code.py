"""What our pages tell partners to write, run as it stands there."""

import re
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PAGES = Path(__file__).parents[2] / "docs" / "partners"


@lru_cache
def of(page: str) -> Any:
    """All that the Python on this page defines."""
    blocks = re.findall(r"^```python\n(.*?)^```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    defined: dict[str, Any] = {}
    exec(compile("\n".join(blocks), page, "exec"), defined)  # noqa: S102 (our own page)
    return SimpleNamespace(**defined)
