"""The command line of the server: how it starts and stops, and mistakes in its arguments."""

import json
import os
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection

import pytest

from digitrec.web import server
from digitrec.web.__main__ import main
from digitrec.web.pictures import READER
from tests.web.conftest import lines

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("module", "number"), [(["digitrec.web"], signal.SIGINT), (["digitrec", "web"], signal.SIGTERM)]
)
def test_the_server_starts_writes_no_file_and_stops_cleanly(tmp_path, module, number):
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", *module, "--port=0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        port = int(re.search(r"127\.0\.0\.1:(\d+)/", process.stdout.readline())[1])
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/predict", lines("35"))
        assert json.load(connection.getresponse())["text"] == "35"
        process.send_signal(number)  # the connection is still open
        _, said = process.communicate(timeout=60)
        connection.close()
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said) == (0, "")
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--ckpt_path=no.ckpt", "--port=0"], "There is no checkpoint no.ckpt"),
        (["--ckpt_path=best", "--port=0"], "There is no trained run in lightning_logs: give a file"),
        (["--host=256.1.1.1"], "256.1.1.1:8000 is not available"),
    ],
)
def test_a_mistake_is_one_sentence(args, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(args) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"digitrec: {message}")
    assert said.count("\n") == 1


def test_the_newest_run_can_be_served(fit, monkeypatch):
    fit("--model.network.init_args.hidden=[16]")
    served = []

    async def serve(app, open_socket):
        served.append(app)

    monkeypatch.setattr(server, "serve", serve)
    for which in ("best", "last"):
        assert main([f"--ckpt_path={which}", "--port=0"]) == 0
        assert served.pop()[READER].classifier.network.layers[1].out_features == 16


def test_a_port_that_is_taken_is_one_sentence(served, capsys):
    assert main([f"--port={served.port}"]) == 1
    assert (
        f":{served.port} is not available (Address already in use): choose another" in capsys.readouterr().err
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_wrong_port_is_one_sentence(port, capsys):
    assert main(["--port", port]) == 2
    assert f"{port} is not a port: give 0 to 65535" in capsys.readouterr().err
