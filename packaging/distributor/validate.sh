#!/bin/sh
# Run by the agent of Systems Manager where this version should be installed already. If it is not, the agent installs it.
[ "$(/usr/bin/backuplink --version)" = "backuplink @VERSION@" ]
