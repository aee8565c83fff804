/* Passkeys. The forms stay hidden without this script or without support of the browser. */

const { browserSupportsWebAuthn, browserSupportsWebAuthnAutofill, startAuthentication, startRegistration } =
  globalThis.SimpleWebAuthnBrowser;

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
  try {
    const optionsJSON = await optionsOf(form);
    const run = form.dataset.passkey === 'create' ? startRegistration : startAuthentication;
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
    fill(form, await startAuthentication({ optionsJSON, useBrowserAutofill: true }));
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
