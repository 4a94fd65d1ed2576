"""TLS: real certificates, real clients, replication both ways with redis-server."""

import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile

import pytest
import redis

from servers import NODE, free_port, servers, wait_in_step, wait_until


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def certificate(folder, name, signer="ca"):
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{signer}.crt",
            "-CAkey", f"{signer}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.crt")


@pytest.fixture(scope="module")
def certificates():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="headwater-tls-"))
    authority(folder, "ca")
    authority(folder, "other-ca")
    for name in ("node", "second", "client"):
        certificate(folder, name)
    certificate(folder, "stranger", "other-ca")
    yield folder
    shutil.rmtree(folder)


def options(certificates, port, *more):
    return ["--tls-port", str(port), "--tls-cert-file", str(certificates / "node.crt"),
            "--tls-key-file", str(certificates / "node.key"),
            "--tls-ca-cert-file", str(certificates / "ca.crt"), *more]


def connect(certificates, port, name="client", **more):
    shown = {} if name is None else {
        "ssl_certfile": str(certificates / f"{name}.crt"),
        "ssl_keyfile": str(certificates / f"{name}.key")}
    return redis.Redis(
        port=port, ssl=True, ssl_ca_certs=str(certificates / "ca.crt"),
        ssl_check_hostname=False, socket_timeout=20, **shown, **more)


def handshake(certificates, port, *more):
    """What openssl's own client says of a connection."""
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
         "-cert", "client.crt", "-key", "client.key", "-CAfile", "ca.crt", *more],
        cwd=certificates, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def test_a_script_is_debugged_over_tls(certificates):
    port = free_port()
    script = certificates / "script.lua"
    script.write_text("local a = redis.call('incr', KEYS[1])\nreturn a\n")
    with servers() as start:
        node = start("node", *options(certificates, port))
        said = subprocess.run(
            ["redis-cli", "-p", str(port), "--tls", "--cacert", "ca.crt", "--cert", "client.crt",
             "--key", "client.key", "--ldb", "--eval", str(script), "k"], cwd=certificates,
            input="s\np a\nc\nquit\n", capture_output=True, text=True, timeout=60).stdout
        assert "<value> 1" in said and "session ended" in said
        assert node.client.get("k") is None


def test_clients_speak_tls_beside_plain_ones(certificates):
    port = free_port()
    with servers() as start:
        node = start("node", *options(certificates, port))
        client = connect(certificates, port)
        assert client.set("k", "v") and node.client.get("k") == b"v"
        large = b"x" * 5_000_000
        assert client.set("large", large) and client.get("large") == large
        with client.pipeline(transaction=False) as pipe:
            for number in range(10_000):
                pipe.set(f"k{number}", number)
            assert all(pipe.execute())
        assert client.dbsize() == 10_002
        subscriber = client.pubsub()
        subscriber.subscribe("news")
        wait_until(lambda: node.client.pubsub_numsub("news")[0][1] == 1, "subscription")
        node.client.publish("news", "hello")
        wait_until(lambda: (subscriber.get_message(timeout=1) or {}).get("data") == b"hello",
                   "the message")
        assert node.client.info("server")["listener1"]["name"] == "tls"


def test_redis_cli_speaks_tls(certificates):
    port = free_port()
    with servers() as start:
        start("node", *options(certificates, port))
        told = subprocess.run(
            ["redis-cli", "-p", str(port), "--tls", "--cacert", str(certificates / "ca.crt"),
             "--cert", str(certificates / "client.crt"),
             "--key", str(certificates / "client.key"), "PING"],
            capture_output=True, text=True, timeout=20)
        assert told.stdout == "PONG\n", told.stderr


@pytest.mark.parametrize("mode, without, stranger", [
    ("yes", False, False), ("optional", True, False), ("no", True, True)])
def test_client_certificates_are_asked_for_as_told(certificates, mode, without, stranger):
    port = free_port()
    with servers() as start:
        node = start("node", *options(certificates, port, "--tls-auth-clients", mode))
        for name, expected in (("client", True), (None, without), ("stranger", stranger)):
            client = connect(certificates, port, name)
            if expected:
                assert client.ping()
            else:
                with pytest.raises((redis.ConnectionError, ConnectionError)):
                    client.ping()
        assert node.client.ping()


def test_plain_bytes_on_the_tls_port_disturb_nobody(certificates):
    port = free_port()
    with servers() as start:
        node = start("node", *options(certificates, port))
        for junk in (b"PING\r\n", b"\x16\x03\x01\x00", b"\x00" * 1000):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(junk)
        # One that never goes on with its handshake.
        silent = socket.create_connection(("127.0.0.1", port))
        assert connect(certificates, port).ping()
        silent.close()
        wait_until(lambda: len(node.client.client_list()) <= 2, "strangers are gone")


def test_versions_and_ciphers_are_kept_to(certificates):
    port = free_port()
    with servers() as start:
        start("node", *options(
            certificates, port, "--tls-protocols", "TLSv1.2",
            "--tls-ciphers", "ECDHE-RSA-AES256-GCM-SHA384", "--tls-prefer-server-ciphers", "yes"))
        context = ssl.create_default_context(cafile=certificates / "ca.crt")
        context.check_hostname = False
        context.load_cert_chain(certificates / "client.crt", certificates / "client.key")
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain) as wrapped:
                assert wrapped.version() == "TLSv1.2"
                assert wrapped.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384"
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain)


@pytest.mark.parametrize("protocols", [None, "TLSv1.2", "TLSv1.2 TLSv1.3"])
def test_versions_that_are_out_of_date_are_refused(certificates, protocols):
    port = free_port()
    chosen = [] if protocols is None else ["--tls-protocols", protocols]
    with servers() as start:
        start("node", *options(certificates, port, *chosen))
        for version in ("-tls1", "-tls1_1"):
            # The client's own rules are lowered, so that it is the server that refuses.
            told = handshake(certificates, port, version, "-cipher", "DEFAULT@SECLEVEL=0")
            assert told.returncode != 0 and "alert protocol version" in told.stderr, told.stderr
        assert handshake(certificates, port, "-tls1_2").returncode == 0
        assert connect(certificates, port).ping()


def test_parameters_of_key_exchange_come_from_their_file(certificates):
    openssl(certificates, "genpkey", "-genparam", "-algorithm", "DH",
            "-pkeyopt", "group:ffdhe3072", "-out", "dh.pem")
    port = free_port()
    with servers() as start:
        node = start("node", *options(
            certificates, port, "--tls-dh-params-file", str(certificates / "dh.pem")))
        offer = ("-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
        told = handshake(certificates, port, *offer)
        # Without the file it would be as long as the certificate's key: 2048 bits.
        assert "Server Temp Key: DH, 3072 bits" in told.stdout, told.stdout + told.stderr
        with pytest.raises(redis.ResponseError, match="Unable to update TLS configuration"):
            node.client.config_set("tls-dh-params-file", str(certificates / "ca.crt"))
        told = handshake(certificates, port, *offer)
        assert "Server Temp Key: DH, 3072 bits" in told.stdout, told.stdout + told.stderr


def test_authorities_come_from_a_folder(certificates, tmp_path):
    shutil.copy(certificates / "ca.crt", tmp_path / "ca.pem")
    openssl(tmp_path, "rehash", ".")
    ports = (free_port(), free_port())
    folder = ["--tls-ca-cert-file", "", "--tls-ca-cert-dir", str(tmp_path),
              "--tls-replication", "yes"]
    with servers() as start:
        upstream = start("node", *options(certificates, ports[0], *folder))
        assert connect(certificates, ports[0]).set("k", "v")
        with pytest.raises((redis.ConnectionError, ConnectionError)):
            connect(certificates, ports[0], "stranger").ping()
        follower = start("node", *options(certificates, ports[1], *folder))
        follower.client.execute_command("REPLICAOF", "127.0.0.1", ports[0])
        wait_in_step(upstream, follower)


@pytest.mark.parametrize("master", ["node", "redis"])
def test_outgoing_links_show_a_certificate_of_their_own(certificates, master):
    """As a server the replica shows a certificate that the master does not trust."""
    ports = (free_port(), free_port())
    server = ["--tls-cert-file", str(certificates / "stranger.crt"),
              "--tls-key-file", str(certificates / "stranger.key"), "--tls-replication", "yes"]
    client = ["--tls-client-cert-file", str(certificates / "client.crt"),
              "--tls-client-key-file", str(certificates / "client.key")]
    with servers() as start:
        upstream = start(master, *options(certificates, ports[0]))
        upstream.client.set("k", "v")
        with_own = start("node", *options(certificates, ports[1], *server, *client))
        with_own.client.execute_command("REPLICAOF", "127.0.0.1", ports[0])
        wait_in_step(upstream, with_own)
        assert with_own.client.get("k") == b"v"
        told = handshake(certificates, ports[1])
        assert "issuer=CN = other-ca" in told.stdout, told.stdout
        # The control: with one certificate for both the master refuses it.
        with_one = start("node", *options(certificates, free_port(), *server))
        with_one.client.execute_command("REPLICAOF", "127.0.0.1", ports[0])
        wait_until(lambda: "TLS" in with_one.log(), "the refusal")
        assert with_one.replication()["master_link_status"] == "down"


def test_certificates_are_reloaded(certificates):
    port = free_port()
    with servers() as start:
        node = start("node", *options(certificates, port))

        def shown():
            context = ssl.create_default_context(cafile=certificates / "ca.crt")
            context.check_hostname = False
            context.load_cert_chain(certificates / "client.crt", certificates / "client.key")
            with socket.create_connection(("127.0.0.1", port)) as plain:
                with context.wrap_socket(plain) as wrapped:
                    return dict(pair[0] for pair in wrapped.getpeercert()["subject"])["commonName"]

        old = connect(certificates, port)
        assert old.ping() and shown() == "node"
        node.client.execute_command(
            "CONFIG", "SET", "tls-cert-file", str(certificates / "second.crt"),
            "tls-key-file", str(certificates / "second.key"))
        assert shown() == "second" and old.ping()
        with pytest.raises(redis.ResponseError, match="Unable to update TLS configuration"):
            node.client.execute_command("CONFIG", "SET", "tls-cert-file", "/nowhere")
        assert shown() == "second"
        assert node.client.config_get("tls-cert-file")["tls-cert-file"].endswith("second.crt")
        node.client.config_set("tls-port", 0)
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize("change, text", [
    (["--tls-cert-file", ""], "No tls-cert-file configured!"),
    (["--tls-cert-file", "/nowhere.crt"], "Failed to load certificate: /nowhere.crt"),
    (["--tls-ca-cert-file", ""], "Either tls-ca-cert-file or tls-ca-cert-dir must be specified"),
    (["--tls-protocols", "SSLv2"], "Invalid tls-protocols specified"),
])
def test_a_wrong_setting_ends_the_start_with_its_reason(certificates, change, text):
    folder = tempfile.mkdtemp(prefix="headwater-test-")
    told = subprocess.run(
        [str(NODE), "--port", "0", "--dir", folder, "--save", "",
         *options(certificates, free_port()), *change],
        capture_output=True, text=True, timeout=20)
    assert told.returncode == 1
    assert text in told.stdout
    assert "Failed to configure TLS. Check logs for more info." in told.stdout
    shutil.rmtree(folder)


@pytest.mark.parametrize("master, replica", [
    ("node", "node"), ("node", "redis"), ("redis", "node")])
def test_replication_is_encrypted(certificates, master, replica):
    ports = (free_port(), free_port())
    with servers() as start:
        upstream = start(master, *options(certificates, ports[0], "--tls-replication", "yes"))
        for number in range(2_000):
            upstream.client.set(f"k{number}", "v" * 100)
        follower = start(replica, *options(certificates, ports[1], "--tls-replication", "yes"))
        follower.client.execute_command("REPLICAOF", "127.0.0.1", ports[0])
        wait_in_step(upstream, follower)
        upstream.client.set("large", b"x" * 3_000_000)
        wait_in_step(upstream, follower)
        assert follower.contents() == upstream.contents()
        listed = upstream.replication()["slave0"]
        assert int(listed["port"]) == ports[1]
        # A link that does not trust the upstream stays down.
        if replica == "node":
            follower.client.config_set("tls-ca-cert-file", str(certificates / "other-ca.crt"))
            follower.client.execute_command("REPLICAOF", "NO", "ONE")
            follower.client.execute_command("REPLICAOF", "127.0.0.1", ports[0])
            wait_until(lambda: "TLS certificate verify failed" in follower.log(), "the refusal")
            assert follower.replication()["master_link_status"] == "down"
