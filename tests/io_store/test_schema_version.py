"""Which schema is the newest is known without loading Alembic, and a database that has it is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from ringline.io.store.migrate import alembic_config, migrate, newest_revision


def test_the_newest_revision_is_the_one_alembic_finds() -> None:
    assert newest_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()


def test_a_database_that_is_up_to_date_needs_no_alembic(tmp_path: Path) -> None:
    file = tmp_path / "ringline.db"
    migrate(file)
    code = (
        "import sys\nfrom pathlib import Path\nfrom ringline.io.store.migrate import migrate\n"
        f"migrate(Path({str(file)!r}))\nassert 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
