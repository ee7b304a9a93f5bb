"""Makes copies of the tree for the mistakes."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.repository import ROOT, git


@contextmanager
def copies(number: int) -> Iterator[list[Path]]:
    """Yield this many copies of all files that git tracks or would add, each in a folder of its own, with the files'
    times.
    """
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = [Path(folder) / str(at) for at in range(number)]
        for tree in trees:
            for name in names:
                if name and (ROOT / name).is_file():
                    (tree / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, tree / name)
        yield trees
