#!/bin/sh
# The agent of Systems Manager runs this if this version should already be installed. If this fails, the agent installs
# it.
[ "$(/usr/bin/backuplink --version)" = "backuplink @VERSION@" ]
