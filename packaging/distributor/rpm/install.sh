#!/bin/sh
# Run by the agent of Systems Manager, as root, in the folder that this lies in. By rpm itself, which dnf, yum and zypper
# have in common: the package needs nothing that they would have to fetch.
set -eu
rpm --upgrade --oldpackage --replacepkgs "$PWD/@PACKAGE@"
