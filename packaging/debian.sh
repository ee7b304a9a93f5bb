# shellcheck shell=bash
# Sourced, after packaging/environment.sh, by scripts that fetch the files of Debian in a lock.

# fetch SUM PLACE FOLDER LOCK: fetches the file at PLACE in a repository of Debian into FOLDER, from any repository of
# this machine that has it. LOCK is the program that writes the lock.
fetch() {
    local sum=$1 place=$2 folder=$3 file=$3/${2##*/} repository
    if [[ -e $file ]] && sha256sum --quiet --check - <<<"$sum  $file" >/dev/null 2>&1; then return; fi
    mkdir -p "$folder"
    while read -r repository; do
        rm -f "$file"
        if /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -qq download-file "$repository$place" "$file" "SHA256:$sum" \
            >>"$folder/fetch.log" 2>&1; then
            return
        fi
    done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '^https?:' | sort -u)
    die "none of this machine's repositories has $place with the sum that the lock names; the lock wants those of" \
        "Debian, and may be older than they are: $4 writes it anew (apt's words: $folder/fetch.log)"
}
