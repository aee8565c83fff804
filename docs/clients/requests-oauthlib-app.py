import base64
import hashlib
from secrets import token_urlsafe
from urllib.parse import urlencode

import requests
from flask import Flask, redirect, request, session
from requests_oauthlib import OAuth2Session

CLIENT_ID, SECRET = 'requests-oauthlib', 'the-secret'
SCOPE = ['openid', 'profile', 'roles', 'offline_access']
kinpass = requests.get('https://id.example/.well-known/openid-configuration').json()

app = Flask(__name__)
app.secret_key = 'a long random text'
tokens = {}


def connect(**more):
    return OAuth2Session(CLIENT_ID, redirect_uri='https://requests.example/callback', scope=SCOPE, **more)


@app.get('/login')
def login():
    session['verifier'] = token_urlsafe(48)
    digest = hashlib.sha256(session['verifier'].encode()).digest()
    url, session['state'] = connect().authorization_url(
        kinpass['authorization_endpoint'],
        code_challenge=base64.urlsafe_b64encode(digest).decode().rstrip('='),
        code_challenge_method='S256',
        prompt='consent',
    )
    return redirect(url)


@app.get('/callback')
def callback():
    token = connect(state=session.pop('state')).fetch_token(
        kinpass['token_endpoint'],
        client_secret=SECRET,
        code_verifier=session.pop('verifier'),
        authorization_response=request.url,
    )
    session['id'] = token_urlsafe()
    tokens[session['id']] = token
    return redirect('/me')


@app.get('/me')
def me():
    def store(token):
        tokens[session['id']] = token

    token = tokens[session['id']]
    api = connect(token=token, auto_refresh_url=kinpass['token_endpoint'], token_updater=store)
    # Refreshes an expired access token. The id and the secret authenticate that request.
    return api.get(kinpass['userinfo_endpoint'], client_id=CLIENT_ID, client_secret=SECRET).json()


@app.get('/logout')
def logout():
    token = tokens.pop(session.pop('id'))
    back = {'id_token_hint': token['id_token'], 'post_logout_redirect_uri': 'https://requests.example/'}
    return redirect(f"{kinpass['end_session_endpoint']}?{urlencode(back)}")
