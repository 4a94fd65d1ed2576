"""Executes each example of the documentation against a running suite."""

import re
import subprocess

import pytest

from servers import REPOSITORY
from suite import NODES

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def examples():
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text(), re.S), 1):
            yield pytest.param(block, id=f"{page.name}-{number}")


def on(suite, text):
    """The example with the documentation's ports and folder replaced by the suite's own."""
    text = text.replace(".headwater/", f"{suite.home}/").replace(":8080", f":{suite.admin_port}")
    text = text.replace("services/suite/", f"{REPOSITORY}/services/suite/")
    # Not to a terminal it says READONLY and succeeds.
    text = text.replace("redis-cli ", "redis-cli -e ")
    for index, name in enumerate(NODES, 1):
        text = re.sub(rf"\b700{index}\b", str(suite.ports[name]), text)
        text = re.sub(rf"\b710{index}\b", str(suite.control_ports[name]), text)
    return text


@pytest.mark.parametrize("block", examples())
def test_example_works_as_pasted(suite, block):
    # Where a reader may find it too, behind an odd number of switchovers.
    if suite.wait_for_tree() == "n1":
        status, _, text = suite.curl(
            "POST", "/v1/clusters/demo/switchovers?wait=30s", {"target": "n2"})
        assert status == 200, text
        assert suite.wait_for_tree() == "n2"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", on(suite, block)],
        capture_output=True, text=True, timeout=60, cwd=suite.home,
        env=suite.environment,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "(error)" not in result.stdout, result.stdout


def test_every_link_of_the_documentation_leads_somewhere():
    for page in [*PAGES, REPOSITORY / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
