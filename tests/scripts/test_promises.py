"""The table of promises, and the results that scripts write into it."""

import re

import pytest

from scripts.lib import docs
from tests.conftest import ROOT
from tests.repository.test_docs import is_program

pytestmark = pytest.mark.scripts

ROWS = re.findall(r"^\| .+ \| `(.+)` \|(.*) ?\|$", (ROOT / docs.PROMISES).read_text(), re.MULTILINE)


@pytest.mark.parametrize("test", [test for test, _ in ROWS])
def test_what_tests_a_promise_exists(test):
    if test.startswith("tests/"):
        assert (ROOT / test).is_file()
    else:
        assert is_program(test.split()[2])


def test_a_result_is_written_into_its_row(tmp_path, monkeypatch):
    table = tmp_path / "promises.md"
    table.write_text("| a | `tests/a.py` | |\n| b | `python -m b` | old |\n")
    monkeypatch.setattr(docs, "PROMISES", table)
    monkeypatch.setattr(docs, "commit", lambda: "0123abc")
    docs.write_result("python -m b", "20 of 20")
    assert re.fullmatch(
        r"\| a \| `tests/a.py` \| \|\n\| b \| `python -m b` \| \d{4}-\d\d-\d\d, 0123abc: 20 of 20 \|\n",
        table.read_text(),
    )
    with pytest.raises(ValueError, match=r"no row that is tested by tests/b\.py"):
        docs.write_result("tests/b.py", "passed")
