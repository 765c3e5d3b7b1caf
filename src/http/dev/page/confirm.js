// Confirming who it is, and getting back in: a challenge is a wizard like any other, and ends in a success token.

import { button, make } from '/dev/wire.js';

// Starts the challenge at `href`; `then` gets the success token.
export async function confirmed(app, href, then) {
  const { status, body } = await app.call('GET', href);
  walk(app, status, body, then);
}

async function walk(app, status, challenge, then) {
  if (status >= 300) return refused(app, challenge);
  const { body } = await app.call('GET', `${app.API}/wizard/${challenge.token}`);
  app.stand({ ...body, then });
}

function refused(app, problem) {
  const box = app.alertBox();
  app.scene('That did not work', box, button('Back', () => app.account(), 'main'));
  app.say(box, problem);
}

// One form of `fields`, each as [name, type, label]; `send` gets what was typed.
function ask(app, title, fields, text, send) {
  const box = app.alertBox();
  const field = ([name, type, label]) => make('div', { className: 'field' },
    make('label', { htmlFor: `field-${name}` }, label),
    make('input', { id: `field-${name}`, name, type, autocomplete: type === 'password' ? 'new-password' : 'username' }),
    make('div', { id: `error-${name}`, className: 'error', role: 'alert' }));
  const form = make('form', { noValidate: true }, fields.map(field), make('button', { className: 'main' }, text));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const problem = await send(Object.fromEntries(new FormData(form)));
    if (!problem) return;
    for (const error of form.querySelectorAll('.error')) error.replaceChildren();
    const wrong = Object.entries(problem.errors ?? {}).filter(([name]) => form.querySelector(`#error-${name}`));
    for (const [name, messages] of wrong) form.querySelector(`#error-${name}`).textContent = messages.join(' ');
    box.replaceChildren();
    if (wrong.length === 0) app.say(box, problem);
  });
  app.scene(title, box, form, make('div', { className: 'ways' }, button('Back', () => app.account())));
}

// For whoever has forgotten the password.
export function restore(app) {
  ask(app, 'Get back in', [['email', 'email', 'Email']], 'Send a code', async (typed) => {
    const { status, body } = await app.call('POST', `${app.API}/signin/password/restore`, typed);
    if (status >= 300) return body;
    await walk(app, status, body, (token) => newPassword(app, 'POST', `${app.API}/signin/password/reset`, token, () => app.begin()));
    return null;
  });
}

export function newPassword(app, method, href, successToken, then) {
  const fields = [['password', 'password', 'New password'], ['passwordConfirmation', 'password', 'Once more']];
  ask(app, 'New password', fields, 'Set it', async (typed) => {
    const { status, body } = await app.call(method, href, { successToken, ...typed });
    if (status < 300) then();
    return status < 300 ? null : body;
  });
}
