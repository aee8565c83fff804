from secrets import token_urlsafe
from urllib.parse import urlencode

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session

app = Flask(__name__)
app.secret_key = 'a long random text'
tokens = {}


def store(token, refresh_token=None, access_token=None):
    """Authlib calls this after a refresh."""
    tokens[session['id']].update(token)


kinpass = OAuth(app).register(
    'kinpass',
    client_id='authlib',
    client_secret='the-secret',
    server_metadata_url='https://id.example/.well-known/openid-configuration',
    client_kwargs={'scope': 'openid profile roles offline_access'},
    authorize_params={'prompt': 'consent'},
    update_token=store,
)


@app.get('/login')
def login():
    return kinpass.authorize_redirect('https://authlib.example/callback')


@app.get('/callback')
def callback():
    session['id'] = token_urlsafe()
    # Checks state, nonce, signature, issuer and audience.
    tokens[session['id']] = kinpass.authorize_access_token()
    return redirect('/me')


@app.get('/me')
def me():
    # Refreshes an expired access token.
    return dict(kinpass.userinfo(token=tokens[session['id']]))


@app.get('/logout')
def logout():
    token = tokens.pop(session.pop('id'))
    end_session = kinpass.load_server_metadata()['end_session_endpoint']
    back = {'id_token_hint': token['id_token'], 'post_logout_redirect_uri': 'https://authlib.example/'}
    return redirect(f'{end_session}?{urlencode(back)}')
