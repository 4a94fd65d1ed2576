"""Source packages on PyPI, from which the suites of others are taken."""

import subprocess
import sys
from pathlib import Path


def archive(package: str, folder: Path) -> Path:
    """The source archive of `package` (`name==version`), downloaded into `folder` once."""
    if not list(folder.glob("*.tar.gz")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-binary", ":all:", "-d", str(folder), package]
        subprocess.run(command, check=True)
    return next(folder.glob("*.tar.gz"))
