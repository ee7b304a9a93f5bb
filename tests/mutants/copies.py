"""Makes copies of the tree, in which the mistakes are made."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.repository import ROOT, git


@contextmanager
def copies(number: int) -> Iterator[list[Path]]:
    """Yield this many folders. Each contains a copy of all files that git tracks or would add, with the times of the
    files.
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
