# shellcheck shell=bash
# What the scripts share. Sourced, never run: it moves to the project's root and answers --help.
set -euo pipefail
# So that a failure inside $(…) ends the script, too.
shopt -s inherit_errexit

script=$(realpath "$0")
name=script/$(basename "$script")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf '%s: %s\n' "$name" "$*" >&2
    exit 1
}

# A mistake in the arguments.
misuse() {
    printf '%s: %s; see %s --help\n' "$name" "$*" "$name" >&2
    exit 2
}

# The help page is the comment that a script begins with.
for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
        sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$script"
        exit 0
    fi
    [[ $argument == -- ]] && break
done
unset argument

# The path of a program that came with Swift: the clang of that toolchain has what another one may lack.
toolchain_program() {
    local resources
    resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    printf '%s/bin/%s\n' "$(realpath "$resources/../..")" "$1"
}

# Builds a product as it is released, with progress on standard error, and prints the path of the program.
build_release() {
    local product=$1
    swift build -c release --product "$product" --static-swift-stdlib >&2
    printf '%s/%s\n' "$(swift build -c release --static-swift-stdlib --show-bin-path)" "$product"
}
