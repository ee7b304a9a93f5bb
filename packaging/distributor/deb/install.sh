#!/bin/sh
# Run by the agent of Systems Manager, as root, in the folder that this lies in. The package needs nothing that the host
# lacks, so apt fetches nothing; it waits for another program that installs. With --reinstall it also repairs a program
# that is damaged, which is why the agent runs this where validate.sh fails.
set -eu
export DEBIAN_FRONTEND=noninteractive
# _apt, the user that apt has for downloads, cannot read this folder, which apt would warn of.
apt-get --quiet --yes --reinstall --allow-downgrades --no-install-recommends -o APT::Sandbox::User=root \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install "$PWD/@PACKAGE@"
