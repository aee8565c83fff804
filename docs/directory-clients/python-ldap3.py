"""Checks the password of a person, and lists all teachers."""
import os
import ssl
from ldap3 import AUTO_BIND_TLS_BEFORE_BIND, Connection, Server, Tls
from ldap3.utils.conv import escape_filter_chars

BASE = 'dc=city,dc=example'
TLS = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=os.environ['DIRECTORY_CA'])
SERVER = Server(os.environ['DIRECTORY_URL'], tls=TLS)


def connect():
    name, secret = f'cn=portal,ou=services,{BASE}', os.environ['DIRECTORY_SECRET']
    return Connection(SERVER, name, secret, auto_bind=AUTO_BIND_TLS_BEFORE_BIND, read_only=True)


def sign_in(login, password):
    """Returns the attributes of the person, or None."""
    with connect() as directory:
        found = f'(&(objectClass=inetOrgPerson)(uid={escape_filter_chars(login)}))'
        directory.search(f'ou=people,{BASE}', found, attributes=['uniqueIdentifier', 'cn', 'memberOf'])
        entries = directory.entries
        # A bind without a password would not check anything.
        if len(entries) != 1 or not password or not directory.rebind(entries[0].entry_dn, password):
            return None
        return entries[0].entry_attributes_as_dict


def list_teachers():
    with connect() as directory:
        teachers = f'(memberOf=cn=teachers,ou=groups,{BASE})'
        pages = directory.extend.standard.paged_search(
            f'ou=people,{BASE}', teachers, attributes=['cn'], paged_size=500, generator=True
        )
        return [entry['attributes']['cn'] for entry in pages]
