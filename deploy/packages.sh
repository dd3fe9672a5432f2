# Shared by the scripts of this folder: finds out which Debian packages are missing and installs them.
# Sourced, not run.

# install_packages WHAT YES PACKAGE...   WHAT says what they are for; YES=1 asks nothing.
install_packages() {
    local what=$1 yes=$2 package
    shift 2
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "$what needs these Debian packages: ${missing[*]}"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "Run as root, or install them yourself: apt-get install ${missing[*]}" >&2
            return 1
        }
        sudo=(sudo)
    fi
    if [ "$yes" -ne 1 ]; then
        if [ ! -t 0 ]; then
            echo "Run again with --yes to install them, or install them yourself." >&2
            return 1
        fi
        read -r -p "Install them now? [Y/n] " answer
        case $answer in '' | y | Y | yes) ;; *) return 1 ;; esac
    fi
    "${sudo[@]}" apt-get update -qq || return 1
    # A server that a package brings along (PostgreSQL) must not be started by its installation.
    local policy=/usr/sbin/policy-rc.d made_policy=0
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
        "${sudo[@]}" chmod 755 $policy
        made_policy=1
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    local status=$?
    [ $made_policy -eq 1 ] && "${sudo[@]}" rm -f $policy
    return $status
}

# require_rust: cargo of the version that Cargo.toml names, or one plain sentence.
require_rust() {
    command -v cargo >/dev/null || {
        echo "Callfloor is built with Rust 1.95 or newer, and cargo was not found. Install it from https://rustup.rs." >&2
        return 1
    }
}

build_packages=(build-essential cmake clang libclang-dev pkg-config libasound2-dev)
