require 'json'
require 'omniauth_openid_connect'
require 'rack'

SCOPE = %i[openid profile roles offline_access].freeze
PROVIDER = {
  issuer: 'https://id.example',
  discovery: true,
  scope: SCOPE,
  prompt: 'consent',
  client_options: {
    identifier: 'omniauth',
    secret: 'the-secret',
    redirect_uri: 'https://omniauth.example/auth/openid_connect/callback',
  },
}.freeze
TOKENS = {}

use Rack::Session::Cookie, secret: 'a long random text'
use(OmniAuth::Builder) { provider :openid_connect, PROVIDER }

def kinpass
  @kinpass ||= OpenIDConnect::Discovery::Provider::Config.discover!(PROVIDER[:issuer])
end

# Returns a new token response.
def refresh(token)
  client = OpenIDConnect::Client.new(**PROVIDER[:client_options], token_endpoint: kinpass.token_endpoint)
  client.refresh_token = token
  client.access_token!
end

run(lambda do |env|
  request = Rack::Request.new(env)
  session = request.session
  case request.path
  when '/auth/openid_connect/callback'
    auth = env['omniauth.auth']
    session['id'] = SecureRandom.hex
    TOKENS[session['id']] = auth.credentials
    [200, { 'content-type' => 'application/json' }, [JSON.generate(auth.extra.raw_info)]]
  when '/refresh'
    token = refresh(TOKENS[session['id']].refresh_token)
    user = OpenIDConnect::AccessToken.new(
      access_token: token.access_token,
      client: OpenIDConnect::Client.new(identifier: 'omniauth', userinfo_endpoint: kinpass.userinfo_endpoint),
    ).userinfo!
    [200, { 'content-type' => 'application/json' }, [JSON.generate(user.raw_attributes)]]
  when '/logout'
    back = {
      id_token_hint: TOKENS.delete(session.delete('id')).id_token,
      post_logout_redirect_uri: 'https://omniauth.example/',
    }
    [302, { 'location' => "#{kinpass.end_session_endpoint}?#{URI.encode_www_form(back)}" }, []]
  else
    # OmniAuth 2 starts a sign-in only by POST with this token.
    token = Rack::Protection::AuthenticityToken.token(session)
    page = %(<form method="post" action="/auth/openid_connect"><input type="hidden" name="authenticity_token" value="#{token}">
<button>Sign in</button></form>)
    [200, { 'content-type' => 'text/html' }, [page]]
  end
end)
