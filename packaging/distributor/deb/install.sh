#!/bin/sh
# The agent of Systems Manager runs this as root, in the folder of this script. The package needs nothing that the host
# lacks, so apt fetches nothing; if another program is installing, apt waits for it. With --reinstall, apt also repairs
# a damaged program: the agent runs this script if validate.sh fails.
set -eu
export DEBIAN_FRONTEND=noninteractive
# The user _apt, which apt uses for downloads, cannot read this folder, and apt would print a warning.
apt-get --quiet --yes --reinstall --allow-downgrades --no-install-recommends -o APT::Sandbox::User=root \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install "$PWD/@PACKAGE@"
