eval "$(oidc-agent)"
oidc-gen kinpass --manual --flow=code --pw-cmd='cat password-file' \
  --issuer=https://id.example --client-id=oidc-agent --client-secret='' \
  --redirect-uri=http://localhost:4242 --scope='openid profile roles offline_access'

# Prints an access token for UserInfo. The second one comes from a refresh.
oidc-token kinpass
oidc-token kinpass --force-new

# Revokes the refresh token.
oidc-gen kinpass --delete --confirm-yes --pw-cmd='cat password-file'
