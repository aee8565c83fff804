from urllib.parse import urlencode

import django
from django.conf import settings

settings.configure(
    SECRET_KEY='a long random text',
    ALLOWED_HOSTS=['social.example', 'localhost'],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        'django.contrib.auth',
        'django.contrib.contenttypes',
        'django.contrib.sessions',
        'social_django',
    ],
    MIDDLEWARE=[
        'django.contrib.sessions.middleware.SessionMiddleware',
        'django.contrib.auth.middleware.AuthenticationMiddleware',
    ],
    DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'social-auth.sqlite3'}},
    LOGIN_REDIRECT_URL='/me',
    AUTHENTICATION_BACKENDS=['social_core.backends.open_id_connect.OpenIdConnectAuth'],
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT='https://id.example',
    SOCIAL_AUTH_OIDC_KEY='social-auth',
    SOCIAL_AUTH_OIDC_SECRET='the-secret',
    SOCIAL_AUTH_OIDC_SCOPE=['roles', 'offline_access'],
    SOCIAL_AUTH_OIDC_AUTH_EXTRA_ARGUMENTS={'prompt': 'consent'},
    SOCIAL_AUTH_OIDC_EXTRA_DATA=[('expires_in', 'expires'), 'name', 'roles'],
)
django.setup()

from django.contrib.auth import logout as end_session  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponseRedirect, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from social_django.utils import load_strategy  # noqa: E402


@login_required
def me(request):
    social = request.user.social_auth.get()
    # Refreshes an expired access token.
    social.get_access_token(load_strategy(request))
    return JsonResponse({'sub': social.uid, **{name: social.extra_data[name] for name in ('name', 'roles')}})


@login_required
def logout(request):
    social = request.user.social_auth.get()
    kinpass = social.get_backend_instance(load_strategy(request)).oidc_config()
    back = {'id_token_hint': social.extra_data['id_token'], 'post_logout_redirect_uri': 'https://social.example/'}
    end_session(request)
    return HttpResponseRedirect(f"{kinpass['end_session_endpoint']}?{urlencode(back)}")


urlpatterns = [path('', include('social_django.urls')), path('me', me), path('logout', logout)]
app = get_wsgi_application()
