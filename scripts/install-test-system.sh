#!/bin/sh
# Installs the system packages that the tests need: Chromium, a PostgreSQL server, openssl, fonts for Chinese, the clients of
# docs/known-clients.md and docs/directory-recipes.md that Debian has, and the programs that check deploy/. No server among them starts on the
# machine: the tests start them.
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
/usr/sbin/freeradius freeradius
/usr/lib/freeradius/rlm_ldap.so freeradius-ldap
/usr/bin/radtest freeradius-utils
/usr/bin/eapol_test eapoltest
/usr/sbin/dovecot dovecot-core
/usr/lib/dovecot/modules/auth/libauthdb_ldap.so dovecot-ldap
/usr/sbin/postmap postfix
/usr/lib/postfix/postfix-ldap.so postfix-ldap
/usr/lib/python3/dist-packages/ldap3 python3-ldap3
/usr/sbin/sssd sssd-common
/usr/share/doc/sssd-ldap sssd-ldap
/usr/share/doc/sssd-proxy sssd-proxy
/usr/share/doc/libnss-sss libnss-sss
/usr/share/doc/libpam-sss libpam-sss
/usr/sbin/nslcd nslcd
/usr/share/doc/libnss-ldapd libnss-ldapd
/usr/share/doc/libpam-ldapd libpam-ldapd
/usr/bin/pamtester pamtester
/usr/sbin/nginx nginx
/usr/bin/systemd-analyze systemd
/usr/bin/docker-compose docker-compose
END
# Checks the alert rules. The package has a server and 14 more packages, so only this program of it is unpacked.
command -v promtool >/dev/null 2>&1 || missing="$missing promtool"

[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || [ ! -f /etc/debian_version ]; then
  echo "the tests need these Debian packages, or equal programs:$missing" >&2
  exit 1
fi

echo "installing packages for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm "$policy"' EXIT
fi
# The profiles that the machine does not use now. A package that has one adds the others again.
pam_profiles=''
for profile in sss ldap pwquality; do
  grep -qs "pam_$profile.so" /etc/pam.d/common-* || pam_profiles="$pam_profiles $profile"
done
apt-get update -qq

case "$missing" in
  *promtool*)
    missing=$(echo "$missing" | sed 's/ promtool//')
    folder=$(mktemp -d)
    (cd "$folder" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb unpacked)
    install "$folder/unpacked/usr/bin/promtool" /usr/local/bin/promtool
    rm -r "$folder"
    ;;
esac

# The files of packages need no fsync here, which takes most of the time.
# shellcheck disable=SC2086 # one word per package
[ -z "$missing" ] || apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io $missing

# Returns true if this run has installed a package.
installed() {
  case "$missing " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
  esac
}

disable() {
  if command -v systemctl >/dev/null 2>&1; then systemctl --quiet disable "$@"; fi
}

if installed liblemonldap-ng-portal-perl; then
  # LemonLDAP::NG enables jobs that clean up its sessions each hour. The tests need none.
  for unit in liblemonldap-ng-portal-perl liblemonldap-ng-handler-perl; do
    rm -f "/etc/cron.d/$unit"
    disable "$unit.service" "$unit.timer"
  done
fi
if installed nginx; then disable nginx.service; fi
if installed freeradius; then disable freeradius.service; fi
if installed dovecot-core; then disable dovecot.service; fi
if installed postfix; then disable postfix.service; fi
if installed sssd-common; then
  disable sssd.service sssd-autofs.socket sssd-nss.socket sssd-pam.socket sssd-pam-priv.socket sssd-ssh.socket sssd-sudo.socket
fi
if installed nslcd; then disable nslcd.service; fi
# The accounts and passwords of the machine do not change.
# shellcheck disable=SC2086 # one word per profile
if installed libpam-sss || installed libpam-ldapd; then pam-auth-update --package --remove $pam_profiles; fi
if installed libnss-sss; then sed -i -e 's/ sss\>//' -e '/^automount: *$/d' /etc/nsswitch.conf; fi
