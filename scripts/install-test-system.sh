#!/bin/sh
# Installs the system packages that the tests need: Chromium, a PostgreSQL server, openssl, fonts for Chinese, and the clients of
# docs/known-clients.md that Debian has. None of these clients starts a server on the machine: the tests start them.
# Needs Debian and root; otherwise it lists the missing packages and fails. Prints nothing when all are installed.
set -eu

missing=''
command -v chromium-headless-shell >/dev/null 2>&1 || missing="$missing chromium-headless-shell"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$missing fonts-noto-cjk"

# The clients: a file of each package, and its name.
while read -r file package; do
  [ -e "$file" ] || missing="$missing $package"
done <<END
/usr/lib/apache2/modules/mod_auth_openidc.so libapache2-mod-auth-openidc
/usr/bin/ldapsearch ldap-utils
/usr/bin/oidc-agent oidc-agent-cli
/usr/lib/python3/dist-packages/authlib python3-authlib
/usr/lib/python3/dist-packages/flask python3-flask
/usr/lib/python3/dist-packages/requests python3-requests
/usr/lib/python3/dist-packages/requests_oauthlib python3-requests-oauthlib
/usr/lib/python3/dist-packages/django python3-django
/usr/lib/python3/dist-packages/social_django python3-social-django
/usr/lib/python3/dist-packages/jose python3-jose
/usr/share/doc/ruby-omniauth-openid-connect ruby-omniauth-openid-connect
/usr/share/perl5/Lemonldap/NG/Portal.pm liblemonldap-ng-portal-perl
END

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

# LemonLDAP::NG enables jobs that clean up its sessions each hour. The tests need none.
case "$missing" in
  *lemonldap*)
    for unit in liblemonldap-ng-portal-perl liblemonldap-ng-handler-perl; do
      rm -f "/etc/cron.d/$unit"
      if command -v systemctl >/dev/null 2>&1; then systemctl --quiet disable "$unit.service" "$unit.timer"; fi
    done
    ;;
esac
