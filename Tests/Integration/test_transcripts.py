"""Plays the command transcripts over TCP: our release node, redis-server and valkey-server.

In process the transcripts check the engine; here the same files prove that the node answers so over
a socket, and that the expectations are those of real servers. The player is the unit-test bundle
that `make unit` builds.
"""

import os
import subprocess

import pytest

from servers import REPOSITORY, servers

PLAYER = ["swift", "test", "--skip-build", "--sanitize=address", "--disable-xctest",
          "--filter", "PeerTranscriptTests"]


OPTIONS = {
    "node": [],
    "redis": [],
    # Valkey frees lazily unless told otherwise, and then says UNLINK where Redis says DEL.
    "valkey": ["--lazyfree-lazy-expire", "no", "--lazyfree-lazy-server-del", "no",
               "--lazyfree-lazy-user-del", "no"],
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_transcripts_hold(kind):
    bundle = REPOSITORY / ".build/debug/headwaterPackageTests.xctest"
    assert bundle.exists(), "run `make unit` first: it builds the player"
    with servers() as start:
        server = start(kind, "--enable-debug-command", "yes", *OPTIONS[kind])
        result = subprocess.run(
            PLAYER, cwd=REPOSITORY, capture_output=True, text=True, timeout=600,
            env=dict(os.environ, TRANSCRIPT_TARGETS=f"127.0.0.1:{server.port}",
                     ASAN_OPTIONS="detect_leaks=0"))
    failures = [line for line in result.stdout.splitlines() if "✘" in line or "found" in line]
    assert result.returncode == 0, "\n".join(failures[:60]) or result.stdout[-4000:]
