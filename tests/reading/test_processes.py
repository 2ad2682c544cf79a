"""A Reader in threads, other processes, and asyncio."""

import asyncio
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from digitrec import Reader
from tests.conftest import ROOT

POOL = """
import multiprocessing, sys
import numpy as np
import torch
from digitrec import Reader

reader = Reader.pretrained()
picture = np.full((200, 300), 255, np.uint8)
picture[50:60, 100:160] = picture[50:150, 150:160] = 0  # a 7

def read(number):
    return reader.read(picture)

if __name__ == "__main__":
    torch.set_num_threads(2)
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)  # starts the second thread
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map_async(read, range(3)).get(timeout=60) == 3 * [read(0)]
    assert torch.get_num_threads() == 2
"""


@pytest.fixture(scope="module")
def reader():
    return Reader.pretrained()


@pytest.fixture
def picture():
    picture = np.full((200, 300), 255, np.uint8)
    picture[50:60, 100:160] = picture[50:150, 150:160] = 0  # a 7
    return picture


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("fork", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")),
        pytest.param("spawn", marks=pytest.mark.long),
    ],
)
def test_reader_in_a_pool_of_processes(method, tmp_path):
    """With fork it hung: the children waited for threads that only their parent had."""
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, script, method], check=True, timeout=120, env=environment)


def test_reader_is_pickled(reader, picture):
    assert pickle.loads(pickle.dumps(reader)).read(picture) == reader.read(picture)


def test_reader_in_threads_and_asyncio(reader, picture):
    expected = reader.read(picture)
    assert expected.text == "7"
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(reader.read, 4 * [picture])) == 4 * [expected]

    async def gather():
        return await asyncio.gather(*(asyncio.to_thread(reader.read, picture) for _ in range(2)))

    assert asyncio.run(gather()) == 2 * [expected]
