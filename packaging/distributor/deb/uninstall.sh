#!/bin/sh
# The agent of Systems Manager runs this as root, also before it installs another version, so the configuration stays.
set -eu
export DEBIAN_FRONTEND=noninteractive
if dpkg-query --show backuplink >/dev/null 2>&1; then
    apt-get --quiet --yes -o DPkg::Lock::Timeout=300 remove backuplink
fi
