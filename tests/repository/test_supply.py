"""What is installed and run beside this code: no release with a known hole, no action that may change."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
HOLES = {  # the last release with a hole that reading a checkpoint, a picture or a request can meet
    "torch": ("2.9.1", "2.10.0"),
    "pillow": ("12.3.0", "13.0.0"),
    "aiohttp": ("3.14.2", "3.14.3"),
    "lightning": ("2.6.3", "2.6.4"),
    "pillow-heif": ("1.2.1", "1.3.0"),
}


@pytest.mark.parametrize("name", HOLES)
def test_releases_with_known_holes_are_not_installed(name):
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["heic"]]
    (admitted,) = (each.specifier for each in map(Requirement, lines) if each.name == name)
    last, fixed = HOLES[name]
    assert last not in admitted
    assert fixed in admitted


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_pin_their_actions(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert not [job for job in workflow["jobs"].values() if "permissions" in job]
    actions = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert actions
    assert [action for action in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
