"""The compose file is valid and describes the same cascade as `make up`."""

import json
import os
import subprocess
import sys
import pathlib

from servers import REPOSITORY


def test_compose_file_is_valid():
    compose = pathlib.Path(sys.executable).parent / "docker-compose"
    result = subprocess.run(
        [compose, "-f", REPOSITORY / "docker/compose.yaml", "config", "--format", "json"],
        env=dict(os.environ, HEADWATER_CLUSTER_SECRET="secret"),
        capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 0, result.stderr
    services = json.loads(result.stdout)["services"]
    assert {"n1", "n2", "n3", "n4", "coordinator", "admin", "declare"} == set(services)


def test_the_container_cascade_has_three_levels():
    cluster = json.loads((REPOSITORY / "docker/cluster.json").read_text())
    root = cluster["topology"]
    assert root["replicas"][0]["replicas"][0]["node"] == "n4"
    assert {node["node"] for node in cluster["nodes"]} == {"n1", "n2", "n3", "n4"}
