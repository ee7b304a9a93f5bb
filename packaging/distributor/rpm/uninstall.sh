#!/bin/sh
# The agent of Systems Manager runs this as root, also before it installs another version, so the configuration stays.
set -eu
if rpm --query --quiet backuplink; then
    for file in /etc/backuplink/backuplink.toml /etc/backuplink/environment; do
        if [ -e "$file.rpmsave" ]; then # from an earlier removal
            mv "$file.rpmsave" "$file.rpmsave.old"
        fi
    done
    rpm --erase backuplink
    # rpm renames an edited configuration file, and another version would not find it.
    for file in /etc/backuplink/backuplink.toml /etc/backuplink/environment; do
        if [ -e "$file.rpmsave" ]; then
            mv "$file.rpmsave" "$file"
        fi
    done
fi
