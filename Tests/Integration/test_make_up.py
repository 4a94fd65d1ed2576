"""What up.sh and master.sh say when something is not as they expect it."""

import time

from servers import free_ports
from suite import Suite

# Well below the time for which up.sh waits for a service that never gets ready.
PROMPT_SECONDS = 10


def refused(suite, script="up.sh", **environment):
    """What the script says on stderr while it refuses, promptly and without a word on stdout."""
    start = time.monotonic()
    result = suite.script(script, **environment)
    assert time.monotonic() - start < PROMPT_SECONDS
    assert result.returncode != 0, result.stdout
    assert result.stdout == ""
    return result.stderr


def test_an_admin_api_that_is_not_there_is_told_and_no_master_is_printed(suite):
    (port,) = free_ports(1)
    text = refused(suite, "master.sh", HEADWATER_ADMIN_PORT=str(port))
    assert text.startswith(f"master: the admin API at http://127.0.0.1:{port} ")
    assert "HEADWATER_ADMIN_PORT" in text and "Failed to connect" in text


def test_a_suite_that_was_never_made_has_no_master(tmp_path):
    home = tmp_path / "home"
    text = refused(Suite(home), "master.sh")
    assert text.startswith(f"master: there is no suite in {home}") and "make up" in text
