"""The Dockerfile: what it copies exists, what it installs is what the server imports, and it runs as a user.

No image is built here.
"""

import json
import re
import subprocess
import sys

from tests.conftest import ROOT

INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]

FOREIGN = """
import json, sys
from digitrec.models.pretrained import PRETRAINED
from digitrec.web.__main__ import make_app, open_reader
make_app(open_reader(PRETRAINED))
places = {name.partition(".")[0]: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps(sorted(name for name, place in places.items() if "site-packages" in (place or ""))))
"""


def arguments(instruction):
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def test_what_is_copied_from_the_repository_exists():
    sources = [
        source for line in arguments("COPY") if not line.startswith("--from") for source in line.split()[:-1]
    ]
    assert len(sources) >= 5
    assert all((ROOT / source).exists() for source in sources)
    kept = (ROOT / ".dockerignore").read_text()
    assert all(f"!{source}\n" in kept for source in sources)


def test_packages_are_those_that_the_server_imports():
    (installed,) = re.findall(r"pip install --no-cache-dir (aiohttp .*)", (ROOT / "Dockerfile").read_text())
    run = subprocess.run([sys.executable, "-c", FOREIGN], check=True, capture_output=True, text=True)
    used = set(json.loads(run.stdout.splitlines()[-1]))
    names = {"pillow": "PIL", "pyyaml": "yaml"}
    direct = {names.get(package, package) for package in installed.split()}
    assert direct <= used
    assert not used & {
        "torch",
        "torchvision",
        "lightning",
        "torchmetrics",
        "jsonargparse",
        "rich",
        "filelock",
    }
    dependencies = (ROOT / "pyproject.toml").read_text()
    assert all(f'"{package}' in dependencies for package in installed.split() if package != "numpy")


def test_it_is_served_by_a_user_without_rights_and_has_a_health_check():
    assert [name for name, _ in INSTRUCTIONS].index("USER") < [name for name, _ in INSTRUCTIONS].index(
        "ENTRYPOINT"
    )
    (check,) = arguments("HEALTHCHECK")
    assert "/healthz" in check
    command = json.loads(arguments("ENTRYPOINT")[0])
    assert command[:3] == ["python", "-m", "digitrec.web"]
    assert all(":" in image and not image.endswith("latest") for image in arguments("FROM"))
