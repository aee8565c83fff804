/* Passkeys. The forms stay hidden without this script or without support of the browser. */

const { browserSupportsWebAuthn, browserSupportsWebAuthnAutofill, startAuthentication, startRegistration } =
  globalThis.SimpleWebAuthnBrowser;

/** True from the first click: a request of the autofill would abort that of the button. */
let isButtonPressed = false;
/** Settles after the library has sent the request of the autofill. */
let autofillSent;

/** Returns the options of the page, or fetches them once. */
async function optionsOf(form) {
  const { passkeyOptions, passkeyUrl } = form.dataset;
  if (passkeyOptions !== undefined) return JSON.parse(passkeyOptions);
  const response = await fetch(passkeyUrl, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`passkey options: HTTP ${response.status}`);
  form.dataset.passkeyOptions = await response.text();
  return JSON.parse(form.dataset.passkeyOptions);
}

function fill(form, response) {
  form.elements.passkey.value = JSON.stringify(response);
  // The checkbox belongs to the form with the password.
  if (document.querySelector('#remember')?.checked) {
    const remember = document.createElement('input');
    Object.assign(remember, { type: 'hidden', name: 'remember', value: 'yes' });
    form.append(remember);
  }
  form.requestSubmit();
}

async function start(form) {
  const error = form.querySelector('[data-passkey-error]');
  error.hidden = true;
  isButtonPressed = true;
  try {
    const optionsJSON = await optionsOf(form);
    const run = form.dataset.passkey === 'create' ? startRegistration : startAuthentication;
    await autofillSent;
    fill(form, await run({ optionsJSON }));
  } catch {
    // The person canceled, or has no passkey here.
    error.hidden = false;
  }
}

/** Offers passkeys in the autofill of the login field. Ends when the person presses a button instead. */
async function offerAutofill(form) {
  if (!(await browserSupportsWebAuthnAutofill())) return;
  try {
    const optionsJSON = await optionsOf(form);
    if (isButtonPressed) return;
    const response = startAuthentication({ optionsJSON, useBrowserAutofill: true });
    // The library asks the same before it sends the request, and the browser answers in order.
    autofillSent = browserSupportsWebAuthnAutofill();
    fill(form, await response);
  } catch {
    // Aborted by the button, or rejected by the browser.
  }
}

if (browserSupportsWebAuthn()) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.querySelector('[data-passkey-start]').addEventListener('click', () => start(form));
    if (form.dataset.passkey === 'sign-in') offerAutofill(form);
  }
}
