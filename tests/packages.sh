#!/usr/bin/env bash
# What `make wheel` and `make deb` make, on machines that have nothing: steps of tests/check.sh --full, which need root (chroot).
#   tests/packages.sh wheel SUITE    the wheel, as a user without rights, in a Debian with no more than Python
#   tests/packages.sh deb            the Debian package: installed, used, purged
#   tests/packages.sh arm64          built, tested and packed on emulated arm64, and compared with this processor
# Run in the root of the source tree, with build/plateau there. Exit code 77: not possible here; the last line says why.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/debian.sh

newest() { # pattern in build/: the file that was made last
    ls -t build/$1 2>/dev/null | head -n 1
}

# What both packages promise: the theory's part of the report, at the scale that takes seconds. Without gnuplot its figures are missing, which
# is said once for each, with the remedy, and by exit code 3; the verdicts are there.
reproduces() { # command, out of which folder: a command line for as_user
    echo "$1 reproduce theory --scale smoke --out $2 2>said; rc=\$?; tail -n 5 said
          [[ \$rc == 3 ]] && grep -q 'gnuplot: not found; install it' said && ! grep '^plateau: ' said | grep -v gnuplot &&
          grep -q 'C27' $2/report.md && [[ -s $2/index.html ]]"
}

release() { # what this machine's Debian is called
    sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null
}

wheel() { # suite
    local file to
    [[ $(release) == bookworm ]] || { echo "wheels are made on Debian 12, so that they run there, too"; return 77; }
    make -C build --no-print-directory wheel || return 1
    file=$(newest "plateau-*_$(uname -m).whl")
    debian "$1" "$PWD/build/bare-$1" "" python3-pip,python3-venv || return $?
    new_user "$to" && cp "$file" "$to/home/user" || return 1
    ls -l "$file"
    if inside "$to" 'command -v gcc gnuplot'; then echo "this Debian is not bare"; return 1; fi
    # as README.md has it
    as_user "$to" 'python3 -m venv ~/plateau && ~/plateau/bin/pip install plateau-*.whl' || return 1
    as_user "$to" 'PATH=~/plateau/bin:$PATH; plateau flow T=512 d=64 && plateau train model=transformer T=16 d=4 steps=20 --quiet &&
        plateau completion bash >/dev/null' || return 1
    as_user "$to" "PATH=~/plateau/bin:\$PATH; $(reproduces plateau report)" || return 1
    if [[ -f python/plateau/__init__.py ]]; then
        as_user "$to" '~/plateau/bin/python -c "import plateau; print(plateau.flow(T=512, d=64))"' || return 1
    else
        echo "no Python package in these sources"
    fi
    as_user "$to" 'cd plateau && [[ -s share/man/man1/plateau.1 && -s share/bash-completion/completions/plateau ]] &&
        ls lib/python3*/site-packages/plateau-*.dist-info/licenses/{LICENSE,LIBRARIES,*/copyright}' || return 1
    as_user "$to" '~/plateau/bin/pip uninstall -y plateau && ! find plateau/ -type f -path "plateau/*plateau*" | grep .'
}

traces() { # folder: what a package of this name has left there
    inside "$1" "find / -xdev -name '*plateau*' ! -path '/home/*' ! -path '/tmp/*' ! -path '/var/log/*' | sort"
}

deb() { # a package is for the release that it was made on
    local file to left
    command -v dh lintian >/dev/null && [[ $(release) ]] || { echo "debhelper and lintian are not installed"; return 77; }
    make -C build --no-print-directory deb || return 1
    file=$(newest "plateau_*_$(dpkg --print-architecture).deb")
    ls -l "$file"
    lintian --fail-on error "$file" || return 1
    debian "$(release)" "$PWD/build/deb-$(release)" "" man-db,bash-completion || return $?
    new_user "$to" && cp "$file" "$to/tmp" && left=$(traces "$to") || return 1
    inside "$to" 'export DEBIAN_FRONTEND=noninteractive
        apt-get -q update && apt-get -q install -y --no-install-recommends /tmp/plateau_*.deb && rm /tmp/plateau_*.deb' || return 1
    as_user "$to" "$(reproduces plateau report)" || return 1
    as_user "$to" 'man plateau | grep -c "^ *reproduce" && man plateau-tutorial | grep -c "^PLATEAU-TUTORIAL" &&
        bash -c ". /usr/share/bash-completion/bash_completion; _completion_loader plateau; complete -p plateau" &&
        [[ -s /usr/share/zsh/vendor-completions/_plateau ]]' || return 1
    inside "$to" 'DEBIAN_FRONTEND=noninteractive apt-get -q purge -y plateau && apt-get -q autoremove --purge -y' || return 1
    diff <(echo "$left") <(echo "$(traces "$to")") # each ends in one line feed
}

# The emulated processor computes as the real one would. Flows agree to 1e-10, a Transformer's loss after 20 steps to 1e-5; both are sums
# in other orders and with other kernels.
values() { # command that runs plateau: a flow's plateau, the loss after 20 steps
    $1 flow T=512 d=64 --json | sed -n 's/.*"plateau": \([0-9.e+-]*\).*/\1/p'
    $1 train model=transformer T=16 d=4 layers=1 heads=1 width=32 head_dim=16 lr=1e-3 steps=20 eval_every=20 --json --quiet | sed -n 's/.*"final_loss": \([0-9.e+-]*\).*/\1/p'
}

emulator() { # runs programs for arm64 here, if need be by telling the kernel about qemu
    local qemu=/usr/bin/qemu-aarch64-static formats=/proc/sys/fs/binfmt_misc
    [[ $(uname -m) != aarch64 ]] || return 0
    [[ $(id -u) == 0 ]] || { echo "needs root, for chroot"; return 77; }
    [[ -x $qemu ]] || { echo "qemu-user-static is not installed"; return 77; }
    [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc $formats || { echo "this kernel runs no foreign programs (binfmt_misc)"; return 77; }
    ! grep -ql "interpreter $qemu" $formats/* 2>/dev/null || return 0
    # The head of an ELF file for arm64, and which of its bits count; F: opened now, so that a chroot needs no copy.
    printf '%s' ':plateau-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$qemu:F" >$formats/register ||
        { echo "this kernel takes no emulator (binfmt_misc)"; return 77; }
}

# Emulated, GCC takes ten times as long. If this machine has a cross compiler, that one compiles, inside the same Debian and against its libraries:
# this machine's /usr is shown there as /native, and what the compiler looks for by name leads to it. Prints the compiler.
native_compiler() { # folder
    local to=$1 gcc
    gcc=$(cd /usr/bin && ls aarch64-linux-gnu-gcc-12 2>/dev/null)
    [[ $gcc && $(uname -m) == x86_64 ]] || { echo gcc; return; }
    mkdir -p "$to/native/usr" "$to/lib64" && { mountpoint -q "$to/native/usr" || mount --bind -o ro /usr "$to/native/usr"; } &&
        ln -sfn usr/lib "$to/native/lib" && ln -sfn /native/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$to/lib64/ld-linux-x86-64.so.2" &&
        ln -sfn /native/usr/lib/x86_64-linux-gnu "$to/usr/lib/x86_64-linux-gnu" &&
        ln -sfn /native/usr/aarch64-linux-gnu "$to/usr/aarch64-linux-gnu" && echo "/native/usr/bin/$gcc"
}

FAST_TESTS='test_text test_random test_flow test_chain test_reduced test_tensor test_tasks test_safetensors test_schedule test_store test_claim test_power_law tests/test_install.sh'
arm64() {
    local to compiler
    emulator || return $?
    debian bookworm "$PWD/build/arm64" arm64 python3 || return $?
    copy_sources "$to" && cp -pr aclocal.m4 config.h.in configure Makefile.in build-aux "$to/plateau" || return 1 # autoconf is slow there, too
    compiler=$(native_compiler "$to") || return 1
    trap "umount '$to/proc' '$to/sys'; ! mountpoint -q '$to/native/usr' || umount '$to/native/usr'" EXIT
    echo "compiler: $compiler"
    inside "$to" "export CC=$compiler CK_TIMEOUT_MULTIPLIER=50; cd /plateau && ./bootstrap && make -C build check -j2 TESTS='$FAST_TESTS' && make -C build --no-print-directory wheel" || return 1
    paste <(values build/plateau) <(values "chroot $to /plateau/build/plateau") | tee /dev/stderr |
        awk 'function far(a, b) { return a == "" || b == "" ? 1 : (a > b ? a - b : b - a) / b }
             { worst = far($1, $2); print "relative difference", worst; if (worst > (NR == 1 ? 1e-10 : 1e-5)) exit 1 } END { if (NR != 2) exit 1 }'
}

case ${1:-} in wheel | deb | arm64) "$@" ;; *) echo "packages: ${1:-}: expected wheel SUITE, deb or arm64" >&2; exit 2 ;; esac
