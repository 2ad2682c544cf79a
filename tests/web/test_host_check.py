"""The host check: which host names and origins the server accepts."""

import pytest

from digitrec.web.host_check import _name
from tests.web.conftest import lines


@pytest.mark.parametrize(
    ("listens", "called", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("127.0.0.1", "localhost", 200),
        ("127.0.0.1", "LOCALHOST:9", 200),
        ("127.0.0.1", "[::1]:8000", 200),
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "evil.example:8000", 403),
        ("127.0.0.1", "localhost.evil.example", 403),
        ("127.0.0.1", "127.0.0.1.evil.example", 403),
        ("127.0.0.1", "192.168.1.5:8000", 403),
        ("127.0.0.1", "", 403),
        ("0.0.0.0", "192.168.1.5:8000", 200),
        ("0.0.0.0", "localhost:8000", 200),
        ("0.0.0.0", "evil.example:8000", 403),
        ("box.example", "Box.example:8000", 200),
        ("box.example", "evil.example", 403),
    ],
)
def test_only_safe_host_names_are_accepted(serve, listens, called, status):
    running = serve(None, listens)
    for method, path in (("GET", "/healthz"), ("GET", "/nothing")):
        got, _, answer = running.ask(method, path, headers={"Host": called})
        assert got == (status if status == 403 or path == "/healthz" else 404)
        assert got != 403 or "host name is not allowed" in answer["error"]


def test_a_page_of_another_site_may_not_send_pictures(served):
    picture = lines("35")
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert served.ask("POST", "/predict", picture, {"Sec-Fetch-Site": site})[0] == status


def test_a_page_of_another_origin_may_not_send_pictures(served):
    for origin, status in (
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[::1", 403),
        ("http://localhost:1", 200),
    ):
        sent = {"Origin": origin, "Host": "localhost:1"}
        assert served.ask("POST", "/predict", lines("35"), sent)[0] == status


@pytest.mark.parametrize(
    ("header", "name"), [("localhost:8000", "localhost"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A", "a")]
)
def test_the_port_in_a_host_header_is_ignored(header, name):
    assert _name(header) == name
