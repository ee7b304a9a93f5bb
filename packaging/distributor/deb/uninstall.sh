#!/bin/sh
# Run by the agent of Systems Manager, as root, also before another version is installed: the configuration stays.
set -eu
export DEBIAN_FRONTEND=noninteractive
if dpkg-query --show backuplink >/dev/null 2>&1; then
    apt-get --quiet --yes -o DPkg::Lock::Timeout=300 remove backuplink
fi
