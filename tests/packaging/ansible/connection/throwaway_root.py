"""A connection plugin that lets Ansible work by chroot, in a folder with the root of a system. Ansible has no suitable
plugin of its own.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: throwaway_root
short_description: Run tasks in the root of a system below a folder
description: The folder is the address of the host.
author: backuplink
options:
  remote_addr:
    description: The folder.
    default: inventory_hostname
    vars:
      - name: ansible_host
"""


class Connection(ConnectionBase):  # type: ignore[misc] # Ansible has no types
    """Runs commands by chroot, and copies files."""

    transport = "throwaway_root"
    has_pipelining = True

    def _connect(self) -> "Connection":
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        ended = subprocess.run(
            ["/usr/sbin/chroot", str(self._root()), "/bin/sh", "-c", cmd],
            input=in_data if in_data is not None else b"",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        shutil.copy(in_path, self._root() / out_path.lstrip("/"))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        shutil.copy(self._root() / in_path.lstrip("/"), out_path)

    def close(self) -> None:
        self._connected = False

    def _root(self) -> Path:
        address: Any = self.get_option("remote_addr")
        return Path(address)
