"""The page: its files, its headers, and no path to any other file."""

import re

import pytest

from digitrec.web.app import PAGE


@pytest.mark.parametrize(
    "path",
    [
        "/../web.py",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/page/index.html",
        "/index.html/../../web.py",
        "/style.css%00.py",
        "/static/../web.py",
        "/weights/digits.ckpt",
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    status, _, answer = served.ask("GET", path)
    assert status == 404
    assert "Not found" in answer["error"]


def test_the_page_refers_to_its_own_files_only_and_they_all_exist(served):
    status, headers, page = served.ask("GET", "/")
    assert (status, headers.get_content_type()) == (200, "text/html")
    named = set(re.findall(r'(?:src|href)="([^"]+)"', page.decode()))
    assert {f"/{name}" for name in named} < set(PAGE)  # relative, so that the page can be below another path
    scripts = b""
    for path in PAGE:
        status, headers, content = served.ask("GET", path)
        assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
        scripts += content if path.endswith(".js") else b""
        allowed = b"http://www.w3.org/2000/svg"  # a namespace, not an address
        assert not re.search(rb"https?:|url\(|//[a-z]", content.replace(allowed, b"").replace(b"// ", b""))
    assert {f"/{name}" for name in re.findall(r'from "./([^"]+)"', scripts.decode())} < set(PAGE)


def test_inline_scripts_and_styles_are_forbidden_and_absent(served):
    _, headers, page = served.ask("GET", "/")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.decode())


def test_errors_and_answers_have_the_same_headers(served):
    for method, path in (("GET", "/nothing"), ("POST", "/predict"), ("GET", "/healthz")):
        headers = served.ask(method, path)[1]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
