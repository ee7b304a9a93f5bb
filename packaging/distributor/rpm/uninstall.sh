#!/bin/sh
# Run by the agent of Systems Manager, as root, also before another version is installed: the configuration stays.
set -eu
if rpm --query --quiet backuplink; then
    for file in /etc/backuplink/backuplink.toml /etc/backuplink/environment; do
        if [ -e "$file.rpmsave" ]; then # of a removal before
            mv "$file.rpmsave" "$file.rpmsave.old"
        fi
    done
    rpm --erase backuplink
    # rpm renames one that was edited, and another version would not find it.
    for file in /etc/backuplink/backuplink.toml /etc/backuplink/environment; do
        if [ -e "$file.rpmsave" ]; then
            mv "$file.rpmsave" "$file"
        fi
    done
fi
