set_config() { php admin/cli/cfg.php --component=auth_ldap --name="$1" --set="$2"; }

set_config host_url ldap://id.city.example
set_config start_tls 1
set_config bind_dn cn=portal,ou=services,dc=city,dc=example
set_config bind_pw the-secret
set_config user_type default
set_config contexts ou=people,dc=city,dc=example
set_config search_sub 0
set_config user_attribute uid
set_config objectclass '(&(objectClass=inetOrgPerson)(memberOf=cn=993302-teachers,ou=groups,dc=city,dc=example))'
set_config pagesize 250
set_config field_map_idnumber uniqueIdentifier
set_config field_map_lastname sn
set_config field_map_firstname givenName
set_config field_map_email mail
