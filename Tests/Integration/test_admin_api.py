"""The admin API as scripts meet it: contract, errors, concurrency, roles, events."""

import json
import socket
import subprocess
import sys

import yaml
from openapi_spec_validator import validate

from servers import REPOSITORY, wait_until


def problem(answer, status, code):
    """Asserts that an answer is a problem document that says what to do."""
    got, headers, body = answer
    assert got == status, body
    assert headers["content-type"].startswith("application/problem+json")
    document = json.loads(body)
    assert document["status"] == status and document["code"] == code, body
    assert document["title"] and document["detail"] and "retryable" in document
    return document


def test_the_contract_is_valid_openapi_and_served(suite):
    committed = yaml.safe_load((REPOSITORY / "openapi/admin.yaml").read_text())
    assert committed["openapi"].startswith("3.1")
    validate(committed)
    status, _, body = suite.curl("GET", "/openapi.json")
    assert status == 200 and json.loads(body) == committed


def test_the_committed_contract_is_current(suite):
    printed = subprocess.run(
        [suite.environment["HEADWATER_BIN_DIR"] + "/headwater-admin", "--print-openapi"],
        capture_output=True, text=True, check=True,
    ).stdout
    assert printed == (REPOSITORY / "openapi/admin.yaml").read_text(), "run: make openapi"


def test_schemathesis_finds_no_answer_outside_the_contract(suite):
    import pathlib

    schemathesis = pathlib.Path(sys.executable).parent / "schemathesis"
    # Reads and dry runs of everything. Tokens have no dry run, streams no end, and a route without
    # a target is 503 by contract. Positive acceptance knows no 412 and 428.
    result = subprocess.run(
        [
            schemathesis, "--config-file", REPOSITORY / "Tests/Integration/schemathesis.toml",
            "run", REPOSITORY / "openapi/admin.yaml", "--url", suite.api,
            "-H", f"Authorization: Bearer {suite.token}", "--max-examples", "15",
            "--phases", "examples,coverage,fuzzing", "--generation-deterministic",
            "--exclude-path-regex", "events|tokens|route", "--no-color",
            "--request-timeout", "20", "--exclude-checks", "positive_data_acceptance",
        ],
        capture_output=True, text=True, timeout=300,
        cwd=suite.home,
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    suite.wait_for_tree()


def test_reads_need_a_token(suite):
    for token in ("", "wrong"):
        status, headers, body = suite.curl("GET", "/v1/clusters", token=token or " ")
        assert status == 401, body
        assert headers["www-authenticate"].startswith("Bearer")
    for path in ("/livez", "/readyz", "/metrics"):
        plain = subprocess.run(
            ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", suite.api + path],
            capture_output=True, text=True, check=True,
        ).stdout
        assert plain == "200", path


def test_roles_limit_what_a_token_may_do(suite):
    status, _, body = suite.curl("POST", "/v1/tokens", {"name": "look", "role": "viewer"})
    assert status == 201, body
    created = json.loads(body)
    viewer = created["secret"]
    assert suite.curl("GET", "/v1/clusters/demo", token=viewer)[0] == 200
    answer = suite.curl("POST", "/v1/clusters/demo/switchovers", {}, token=viewer)
    assert answer[0] == 403 and "operator" in answer[2]
    listed = suite.get("/v1/tokens")
    assert viewer not in json.dumps(listed), "the secret is shown once"
    assert suite.curl("DELETE", f"/v1/tokens/{created['id']}")[0] == 204
    assert suite.curl("GET", "/v1/clusters/demo", token=viewer)[0] == 401


def test_unknown_fields_and_wrong_types_are_refused_with_a_pointer(suite):
    answer = suite.curl("POST", "/v1/clusters", {"name": "x", "nodez": []})
    document = json.loads(answer[2])
    assert answer[0] == 422 and document["errors"][0]["pointer"] == "/nodez"
    answer = suite.curl("POST", "/v1/clusters/demo/switchovers", {"target": 7})
    assert answer[0] == 422 and json.loads(answer[2])["errors"][0]["pointer"] == "/target"


def test_a_changed_topology_needs_the_current_etag(suite):
    status, headers, body = suite.curl("GET", "/v1/clusters/demo/topology")
    assert status == 200, body
    desired = json.loads(body)["desired"]
    path = "/v1/clusters/demo/topology"
    assert suite.curl("PUT", path, desired)[0] == 428
    assert suite.curl("PUT", path, desired, ['If-Match: "stale"'])[0] == 412
    status, _, body = suite.curl(
        "PUT", path + "?dryRun=true", desired, [f"If-Match: {headers['etag']}"]
    )
    assert status == 200 and "steps" in json.loads(body)["plan"], body


def test_a_cycle_and_a_stranger_are_refused_before_anything_moves(suite):
    path = "/v1/clusters/demo/topology?dryRun=true"
    twice = {"node": "n1", "replicas": [{"node": "n2", "replicas": [{"node": "n1"}]}]}
    problem(suite.curl("PUT", path, twice, ["If-Match: *"]), 422, "CYCLE")
    assert suite.curl("PUT", path, {"node": "n9"}, ["If-Match: *"])[0] == 422


def test_a_relocation_by_put_moves_the_edge_by_partial_resync(suite):
    full_before = suite.full_syncs_taken("n4")
    tree = {"node": "n1", "replicas": [{"node": "n2"}, {"node": "n3", "replicas": [{"node": "n4"}]}]}
    master = suite.wait_for_tree()
    if master != "n1":
        tree = json.loads(json.dumps(tree).replace("n1", "tmp").replace(master, "n1")
                          .replace("tmp", master))
    status, _, body = suite.curl(
        "PUT", "/v1/clusters/demo/topology?wait=30s", tree, ["If-Match: *"]
    )
    assert status == 200, body
    wait_until(
        lambda: suite.upstream_name("n4") == "n3" and suite.streams("n4"), "n4 below n3"
    )
    assert suite.full_syncs_taken("n4") == full_before


def test_a_repeated_post_with_its_key_gives_the_stored_answer(suite):
    headers = ["Idempotency-Key: key-1"]
    body = {"name": "twice", "role": "viewer"}
    first = suite.curl("POST", "/v1/tokens", body, headers)
    again = suite.curl("POST", "/v1/tokens", body, headers)
    assert first[0] == again[0] == 201 and json.loads(first[2])["id"] == json.loads(again[2])["id"]
    other = suite.curl("POST", "/v1/tokens", {"name": "else", "role": "viewer"}, headers)
    assert other[0] == 422


def test_the_topology_prints_as_a_tree(suite):
    status, headers, body = suite.curl(
        "GET", "/v1/clusters/demo/topology", headers=["Accept: text/plain"]
    )
    assert status == 200 and headers["content-type"].startswith("text/plain")
    assert all(name in body for name in ("n1", "n2", "n3", "n4")) and "master" in body
    assert any(mark in body for mark in ("├", "└"))


def test_events_stream_and_resume(suite):
    page = suite.get("/v1/events?limit=5")
    assert page["items"] and page["items"][0]["sequence"] >= 1
    answer = subprocess.run(
        ["curl", "-sS", "-N", "--max-time", "3", "-H", "Accept: text/event-stream",
         "-H", "Last-Event-ID: 0", "-H", f"Authorization: Bearer {suite.token}",
         suite.api + "/v1/events"],
        capture_output=True, text=True,
    ).stdout
    assert "id: 1\n" in answer and "data: {" in answer


def test_methods_and_types_are_answered_as_http_says(suite):
    status, headers, _ = suite.curl("DELETE", "/v1/events")
    assert status == 405 and "GET" in headers["allow"]
    assert suite.curl("GET", "/v1/nothing")[0] == 404
    assert suite.curl("GET", "/v1/clusters", headers=["Accept: image/png"])[0] == 406
    raw = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST",
         "-H", f"Authorization: Bearer {suite.token}", "-H", "Content-Type: text/csv",
         "--data", "a", suite.api + "/v1/clusters"],
        capture_output=True, text=True, check=True,
    ).stdout
    assert raw == "415"


def test_smuggled_requests_are_refused_and_the_connection_closed(suite):
    request = (
        b"POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", suite.admin_port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1") == 1


def test_operations_can_be_waited_for_and_looked_up(suite):
    status, headers, body = suite.curl("POST", "/v1/clusters/demo/switchovers", {})
    assert status == 202 and headers["location"].startswith("/v1/operations/"), body
    ended = suite.get(headers["location"] + "?wait=30s")
    assert ended["state"] == "succeeded" and ended["steps"], ended
    suite.wait_for_tree()


def test_the_console_is_served(suite):
    status, headers, body = suite.curl("GET", "/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert "http://" not in body.replace("http://www.w3.org", ""), "no foreign resources"
