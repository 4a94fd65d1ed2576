"""A few of the sessions that `make differential` plays for hours to the node and the real servers."""

import subprocess
import sys

from servers import REPOSITORY

SESSIONS = 300


def test_random_sessions_do_as_the_real_servers():
    run = subprocess.run(
        [sys.executable, REPOSITORY / "Tests/Differential/run.py", "--seed", "7",
         "--sessions", str(SESSIONS)],
        capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{SESSIONS} sessions, 0 findings" in run.stdout
