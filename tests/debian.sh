# Debians of their own, for checks on machines that have less than this one. Sourced by tests/check.sh and tests/packages.sh, in the root of the
# source tree.

# SUITE FOLDER [PROCESSOR [PACKAGES]]: from the mirror that apt uses here, as small as it comes, with /proc and /sys until the shell ends;
# packages: with commas, on top. The folder is kept. $to is its name.
debian() {
    local mirror architecture=${3:-$(dpkg --print-architecture)}
    to=$2
    [[ $(id -u) == 0 ]] || { echo "needs root, for chroot"; return 77; }
    if [[ ! -f $to/complete ]]; then
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
        [[ $mirror ]] || { echo "apt has no mirror here (apt-get update?)"; return 1; }
        rm -rf --one-file-system "$to"
        debootstrap --variant=minbase --arch="$architecture" ${4:+--include="$4"} "$1" "$to" "$mirror" && touch "$to/complete" || return 1
    fi
    mountpoint -q "$to/proc" || mount -t proc proc "$to/proc" || return 1
    mountpoint -q "$to/sys" || mount -t sysfs -o ro sysfs "$to/sys" || echo "no /sys"
    trap "umount '$to/proc' '$to/sys'" EXIT # their names as they are now
}

inside() { # folder, command line
    chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c "$2"
}

as_user() { # folder, command line: as a user without rights, whose folder /home/user is made anew by new_user; no network for pip
    chroot --userspec=1000:1000 "$1" env -i HOME=/home/user PIP_NO_INDEX=1 PATH=/usr/bin:/bin bash -c "cd && $2"
}

new_user() { # folder
    rm -rf --one-file-system "$1/home/user" && mkdir -p "$1/home/user" && chown 1000:1000 "$1/home/user"
}

copy_sources() { # folder: what is committed, and what is new and not ignored, to /plateau there; a build there stays
    mkdir -p "$1/plateau" && find "$1/plateau" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + &&
        git ls-files -z --cached --others --exclude-standard | tar --null -T - -c --ignore-failed-read | tar -x -C "$1/plateau"
}
