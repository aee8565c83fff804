#!/bin/sh
# Installs the system packages that the tests need: Chromium, a PostgreSQL server, openssl, and fonts for Chinese.
# Needs Debian and root; otherwise it lists the missing packages and fails. Prints nothing when all are installed.
set -eu

missing=''
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$missing fonts-noto-cjk"

[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || [ ! -f /etc/debian_version ]; then
  echo "the tests need these Debian packages, or equal programs:$missing" >&2
  exit 1
fi

echo "installing packages for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word per package
apt-get install -y -qq --no-install-recommends $missing
