#!/bin/sh
# Run by the agent of Systems Manager, as root, also before another version is installed: the configuration stays.
set -eu
configuration=/etc/backuplink/backuplink.toml
if rpm --query --quiet backuplink; then
    if [ -e "$configuration.rpmsave" ]; then # of a removal before
        mv "$configuration.rpmsave" "$configuration.rpmsave.old"
    fi
    rpm --erase backuplink
    # rpm renames one that was edited, and another version would not find it.
    if [ -e "$configuration.rpmsave" ]; then
        mv "$configuration.rpmsave" "$configuration"
    fi
fi
