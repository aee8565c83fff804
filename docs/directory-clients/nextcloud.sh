set_config() { php occ ldap:set-config s01 "$1" "$2"; }

php occ app:enable user_ldap
php occ ldap:create-empty-config
set_config ldapHost ldap://id.city.example
set_config ldapPort 389
set_config ldapTLS 1
set_config turnOffCertCheck 0
set_config ldapAgentName cn=portal,ou=services,dc=city,dc=example
set_config ldapAgentPassword the-secret
set_config ldapBaseUsers ou=people,dc=city,dc=example
set_config ldapBaseGroups ou=groups,dc=city,dc=example
set_config ldapUserFilter '(&(objectClass=inetOrgPerson)(memberOf=cn=993302-teachers,ou=groups,dc=city,dc=example))'
set_config ldapLoginFilter '(&(objectClass=inetOrgPerson)(memberOf=cn=993302-teachers,ou=groups,dc=city,dc=example)(uid=%uid))'
set_config ldapGroupFilter '(&(objectClass=groupOfNames)(|(cn=teachers)(cn=993302-teachers)))'
set_config ldapGroupMemberAssocAttr member
set_config useMemberOfToDetectMembership 1
set_config ldapUserDisplayName displayName
set_config ldapEmailAttribute mail
set_config ldapExpertUUIDUserAttr entryUUID
set_config ldapExpertUUIDGroupAttr cn
set_config ldapPagingSize 500
set_config ldapConfigurationActive 1
php occ ldap:test-config s01
