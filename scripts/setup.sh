#!/usr/bin/env bash
# Makes everything `make demo` and `make test` need, and does nothing when it is all there:
# Debian's packages (as root only), uv, the locked Python environment in .venv, the Nextflow engine.
set -euo pipefail

cd -- "$(dirname -- "$0")/.."
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gxtool
stamp=.venv/.gxtool-setup
python_gb=3.3 # to download, measured over the wheels of uv.lock for Linux x86-64
disk_gb=8     # what .venv takes, and the archives it was made from

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

missing_packages() { # COLUMN of system-packages.txt
    local package command megabytes purpose
    while read -r package command megabytes purpose; do
        case $package in '#'* | '') continue ;; esac
        command -v "$command" >/dev/null || printf '%s\t%s\t%s\n' "$package" "$megabytes" "$purpose"
    done <system-packages.txt
}

is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

fingerprint() {
    {
        cat uv.lock pyproject.toml system-packages.txt engine/*/pom.xml scripts/setup.sh
        pwd
        printf '%s' "$cache"
    } | sha256sum | cut -d ' ' -f 1
}

announce() {
    local packages_mb=0 total free
    if is_debian_root; then packages_mb=$(missing_packages | awk -F '\t' '{ mb += $2 } END { print mb + 0 }'); fi
    [ -x .venv/bin/python ] && python_gb=0 && disk_gb=1
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1e6) }')
    total=$(awk -v p="$python_gb" -v s="$packages_mb" 'BEGIN { printf "%.1f", p + s / 1000 + 0.1 }')
    say "up to $total GB will be downloaded (what uv and Maven have in their caches is not); needs $disk_gb GB of disk, $free GB are free"
    [ "$free" -ge "$disk_gb" ] || die "not enough room in $PWD: $free GB free, $disk_gb GB needed"
}

install_packages() {
    local packages
    packages=$(missing_packages | cut -f 1)
    [ -n "$packages" ] || return 0
    if is_debian_root; then
        say "installing $(echo "$packages" | xargs)"
        export DEBIAN_FRONTEND=noninteractive
        # Package names hold no spaces. The lists are fetched only when the ones here do not do.
        # shellcheck disable=SC2086
        apt-get install -qq -y --no-install-recommends $packages >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -qq -y --no-install-recommends $packages >/dev/null; } ||
            say "some could not be installed: going on without them"
    else
        say "not installed here; demo and tests do without, as far as they can:"
        missing_packages | awk -F '\t' '{ printf "setup:   %s (%s)\n", $1, $3 }' >&2
    fi
}

# Debian's own Python refuses a plain `pip install`, so uv gets a folder of its own.
find_or_install_uv() {
    if command -v uv; then return; fi
    if [ ! -x "$cache/uv/bin/uv" ]; then
        say "installing uv into $cache/uv"
        {
            python3 -m pip install --quiet --target "$cache/uv" uv ||
                { python3 -m venv --clear "$cache/uv" && "$cache/uv/bin/python" -m pip install --quiet uv; }
        } >&2 || return 1
    fi
    echo "$cache/uv/bin/uv"
}

now=$(fingerprint)
if [ -x .venv/bin/gxtool ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then exit 0; fi

announce
install_packages
uv=$(find_or_install_uv) || die "uv could not be installed: put it on PATH, or install python3-venv"
"$uv" sync --frozen --extra train
# Bytecode of what every task imports, now: some machines are told never to write any, and compile at each start.
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c 'import gxtool.training.fitting, gxtool.report.page, sklearn.ensemble'
./nextflow -v >/dev/null
GXTOOL_ENGINE=$(ls engine | sort -V | tail -n 1) ./nextflow -v >/dev/null ||
    say "the strict parser's engine could not be fetched: its tests will say so"
echo "$now" >"$stamp"
say "done"
