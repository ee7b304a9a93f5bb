"""botocore's data for the reads: models of EC2, Route 53, its Resolver and its Profiles with the operations that are
read, and botocore's own data for all else.

`./dev docs` writes the files (packaging/generate/service_models.py). Importing this module imports botocore: slow.
"""

import os
from pathlib import Path
from typing import Final

from botocore.loaders import Loader

FOLDER: Final = Path(__file__).parent


class ReadsLoader(Loader):  # type: ignore[misc]  # botocore ships no types
    """Finds what a client needs in the folders of AWS_DATA_PATH and in ~/.aws/models, as botocore does, then in FOLDER,
    then in botocore's own data. `data_path` is the SDK's setting of that name."""

    BUILTIN_DATA_PATH = str(FOLDER)
    """What counts as botocore's own: with other Regions and endpoints than those a client uses no ruleset."""

    def __init__(self, data_path: str | None) -> None:
        folders = (data_path or "").split(os.pathsep)
        # Path.expanduser raises for a user that does not exist.
        super().__init__([os.path.expanduser(os.path.expandvars(folder)) for folder in folders if folder])  # noqa: PTH111
        self.search_paths.append(Loader.BUILTIN_DATA_PATH)

    def list_available_services(self, type_name: str) -> list[str]:
        """The services of FOLDER. botocore looks through the folders of four hundred, which takes 10 ms."""
        return [entry.name for entry in FOLDER.iterdir() if entry.is_dir()]
