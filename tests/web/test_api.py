"""The API as its OpenAPI document describes it: options, paths behind a proxy, and arbitrary requests."""

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.web.conftest import lines

SEVEN = lines("7")


def test_digits_below_the_threshold_are_question_marks(served):
    status, _, all_read = served.ask("POST", "/predict?threshold=0", SEVEN)
    assert (status, all_read["text"]) == (200, "7")
    _, _, none = served.ask("POST", "/predict?threshold=1", SEVEN)
    assert none["text"] == "?"
    assert none["digits"][0]["probabilities"] == all_read["digits"][0]["probabilities"]


@pytest.mark.parametrize("threshold", ["", "high", "-0.1", "1.1", "nan", "inf"])
def test_a_threshold_that_is_no_probability_is_refused(threshold, served):
    status, _, answer = served.ask("POST", f"/predict?threshold={threshold}", SEVEN)
    assert (status, answer) == (400, {"error": "threshold must be a number from 0 to 1."})


def test_images_is_0_or_1(served):
    assert served.ask("POST", "/predict?images=yes", SEVEN)[2] == {"error": "images must be 0 or 1."}
    assert "image" not in served.ask("POST", "/predict?images=0", SEVEN)[2]["digits"][0]


def test_page_and_api_are_served_below_the_path_of_a_proxy_and_without_it(serve):
    running = serve(None, root_path="/digits")
    for path in ("/digits", ""):
        assert running.ask("GET", f"{path}/healthz")[2] == {"status": "ok"}
        assert running.ask("GET", f"{path}/openapi.json")[2]["servers"] == [{"url": "/digits"}]
        assert b"<title>digitrec</title>" in running.ask("GET", f"{path}/")[2]
        assert running.ask("GET", f"{path}/main.js")[0] == 200
    assert running.ask("GET", "/other/healthz")[0] == 404


def test_the_host_name_of_a_proxy_can_be_allowed(serve):
    running = serve(None, allowed=["Digits.example"])
    for name, status in (("digits.example", 200), ("digits.example:443", 200), ("other.example", 403)):
        assert running.ask("GET", "/healthz", headers={"Host": name})[0] == status


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/predict", GenerationMode.POSITIVE),
        ("POST", "/predict", GenerationMode.NEGATIVE),
        ("GET", "/healthz", GenerationMode.POSITIVE),
        ("GET", "/openapi.json", GenerationMode.POSITIVE),
    ],
)
def test_responses_are_those_of_the_document(method, path, mode, served):
    """Schemathesis makes requests that follow the document, or that do not."""
    api = schemathesis.openapi.from_url(f"{served.address}/openapi.json")
    seen = []

    @hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @hypothesis.given(case=api[path][method].as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(excluded_checks=[positive_data_acceptance])  # no schema says what a picture is
        seen.append(case)

    check()
    assert seen
