// Walks any wizard of the server by what its answers say in `next`; it knows no step by itself. What it knows are words:
// a title for steps that have one, a label for fields that have one.

import { account as signedIn } from '/dev/account.js';
import { confirmed, restore } from '/dev/confirm.js';
import { hand } from '/dev/hand.js';
import { button, make, show } from '/dev/wire.js';

const API = '/api/v2/my';
const [APP, TEXT, MAIL] = ['Code from your app', 'Code from the text message', 'Code from the email'];
const TITLES = {
  login: 'Sign in', '2fa_choose': 'Choose a method', '2fa_google_auth': APP, '2fa_sms_auth': TEXT, '2fa_email_auth': MAIL,
  '2fa_recovery': 'Recovery code', '2fa_enroll': 'Turn a second factor on', challenge_google: APP, challenge_sms: TEXT,
  challenge_email: MAIL, challenge_recovery: 'Recovery code', recover_email: MAIL, '2fa_google': 'Authenticator app', '2fa_sms_phone_create': 'Your phone number', phone: TEXT, '2fa_sms': TEXT, '2fa_email': MAIL,
};
const LABELS = {
  email: 'Email or user name', password: 'Password', code: 'Code', phone: 'Phone number',
  rememberDevice: 'Do not ask again on this device',
};
const WAYS = { resend: 'Send another code', cancel: 'Cancel', change_phone: 'Use another number', recovery: 'Use a recovery code',
  enroll: 'Take another method' };
const METHODS = { google: 'authenticator app', sms: 'SMS', email: 'email' };

const $ = (id) => document.getElementById(id);
const stage = $('stage');
let tokens = JSON.parse(sessionStorage.getItem('tokens') ?? 'null');

const clock = (time) => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

// ---- calls

async function call(method, href, body, more) {
  const headers = { 'Accept-Language': $('language').value, ...more };
  if (body) headers['Content-Type'] = 'application/json';
  if (tokens) headers.Authorization = `Bearer ${tokens.accessToken.token}`;
  const began = performance.now();
  let answer;
  try {
    const response = await fetch(href, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const kept = ['content-type', 'retry-after', 'x-wizard-key', 'x-device-token', 'x-request-id'];
    const shown = kept.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    answer = { status: response.status, body: text ? JSON.parse(text) : null, headers: shown };
  } catch {
    answer = { status: 0, headers: [], body: { title: 'No answer', detail: 'The server cannot be reached.', code: 'offline' } };
  }
  show(method, href, headers, body, answer, Math.round(performance.now() - began));
  // A session that is over: back to the beginning, not into a loop.
  if (answer.status === 401 && tokens) remember(null);
  return answer;
}

function remember(pair) {
  tokens = pair;
  sessionStorage.setItem('tokens', JSON.stringify(pair));
}

// ---- the stage

function scene(title, ...children) {
  const heading = make('h1', { id: 'title', tabIndex: -1 }, title);
  stage.replaceChildren(heading, ...children.flat().filter(Boolean));
  (stage.querySelector('input') ?? heading).focus();
}

const left = ({ attemptsLeft: some }) => (some === undefined ? '' : ` ${some} ${some === 1 ? 'attempt' : 'attempts'} left.`);
const alertBox = () => make('div', { className: 'alert', role: 'alert' });

function say(box, problem, ...more) {
  box.lang = $('language').value;
  box.replaceChildren(make('strong', {}, problem.title), (problem.detail ?? '') + left(problem), ...more);
}

// Seconds on the buttons that may not be used before.
function countDown(seconds, buttons) {
  const texts = buttons.map((it) => it.textContent);
  const until = Date.now() + seconds * 1000;
  const tick = () => {
    const rest = Math.ceil((until - Date.now()) / 1000);
    const label = (text) => (rest > 0 ? `${text} (${rest} s)` : text);
    buttons.forEach((it, i) => Object.assign(it, { disabled: rest > 0, textContent: label(texts[i]) }));
    if (rest > 0 && buttons.some((it) => it.isConnected)) setTimeout(tick, 250);
  };
  tick();
}

// Starts a wizard; where the server wants a confirmation first, that comes before it.
async function begin(href = `${API}/signin/wizard`, success = undefined) {
  const { status, body } = await call('GET', href, undefined, success && { 'X-Success-Token': success });
  if (status < 300 && status) return stand(body);
  if (body.code === 'step_up_required' && !success) return confirmed(app, body.next.href, (token) => begin(href, token));
  const box = alertBox();
  const again = button('Try again', () => (tokens ? account() : begin()), 'main');
  scene('That did not work', box, again);
  say(box, body);
  if (body.retryAfter) countDown(body.retryAfter, [again]);
}

// Where a wizard stands: the step that it asks for next, or what it has ended with.
function stand(envelope, note) {
  // An end that grants nothing, such as a guard leads to.
  if (!envelope.done && !envelope.next) {
    const again = button('Begin again', () => (tokens ? account() : begin()), 'main');
    return scene('Not this way', make('p', { className: 'alert' }, `The wizard has ended at “${envelope.workflow}”.`), again);
  }
  if (envelope.done) {
    history.replaceState(null, '', '/');
    if (envelope.data?.accessToken) remember(envelope.data);
    return tokens ? account(note ?? (envelope.data?.accessToken ? 'Welcome.' : 'Changed.')) : begin();
  }
  history.replaceState(null, '', `/#${envelope.uuid}`);
  const box = alertBox();
  const { next, data } = envelope;
  const form = step(envelope, next, box, next.fields.some((field) => field.name === 'password') ? 'Sign in' : 'Continue');
  scene(TITLES[envelope.workflow] ?? envelope.workflow, enrolment(data), receipt(data?.recipient ? data : next.receipt), box,
    form, make('div', { className: 'ways' }, next.alternatives.flatMap((way) => ways(envelope, way, box)),
      data?.is_password_recovery_available ? button('Forgot the password?', () => restore(app)) : null));
}

function enrolment(data) {
  if (!data?.qr) return null;
  return make('div', { className: 'qr' },
    make('p', { className: 'hint' }, 'Scan this with an authenticator app, then type the code that it shows.'),
    make('img', { src: data.qr, alt: `QR code of the key ${data.key}` }), make('code', {}, data.key),
    make('a', { href: data.otpauthUrl }, 'Open in an app on this device'));
}

function receipt(sent) {
  if (!sent) return null;
  const to = sent.recipient.phone ?? sent.recipient.email;
  const what = sent.status === 0 ? `Code ${sent.sent} went to ${to}` : `A code for ${to} is on its way`;
  return make('p', { className: 'note' }, `${what}, and holds until ${clock(sent.expiredAt)}.`);
}

// What a field's pattern says of its value: the only one, one of several, or nothing.
function allowed(field) {
  const found = /^\^\(?([\w-]+(?:\|[\w-]+)*)\)?\$$/.exec(field.pattern ?? '');
  return found ? found[1].split('|') : [];
}

// The values that nobody needs to type.
function known(envelope, fields) {
  const body = {};
  for (const field of fields) {
    const values = allowed(field);
    if (field.name === 'uuid') body.uuid = envelope.uuid;
    else if (values.length === 1) [body[field.name]] = values;
    else if (!field.required && envelope.data?.[field.name]) body[field.name] = envelope.data[field.name];
  }
  return body;
}

const asked = (envelope, fields) => fields.filter((field) => !(field.name in known(envelope, fields)) && field.required);
const offered = (envelope, fields) => fields.filter((field) => !(field.name in known(envelope, fields)) && !field.required
  && field.name !== 'key');

function checkbox(field) {
  const id = `field-${field.name}`;
  return make('label', { className: 'row', htmlFor: id }, LABELS[field.name] ?? field.name,
    make('input', { id, name: field.name, type: 'checkbox' }));
}

// What was filled in; what was left out is not sent.
function filled(form) {
  const given = [...new FormData(form)].filter(([, value]) => value !== '');
  return Object.fromEntries(given.map(([name, value]) => [name, value === 'on' ? true : value]));
}

function input(field) {
  const code = field.name === 'code';
  const props = {
    id: `field-${field.name}`, name: field.name, required: field.required, type: 'text', className: code ? 'code' : '',
    autocomplete: { email: 'username', password: 'current-password', code: 'one-time-code', phone: 'tel' }[field.name],
    'aria-describedby': `error-${field.name}`, spellcheck: false, autocapitalize: 'none',
  };
  if (field.name === 'password') props.type = 'password';
  if (field.name === 'phone') Object.assign(props, { type: 'tel', placeholder: '+420601123456' });
  if (code) props.inputMode = 'numeric';
  if (field.maxLength) props.maxLength = field.maxLength;
  return make('div', { className: 'field' }, make('label', { htmlFor: props.id }, LABELS[field.name] ?? field.name),
    make('input', props), make('div', { id: `error-${field.name}`, className: 'error', role: 'alert' }));
}

// The form for a call: one input for each field that somebody must fill in, one button for each value to choose from.
function step(envelope, way, box, text) {
  const fields = asked(envelope, way.fields);
  const choice = fields.find((field) => allowed(field).length > 1);
  const send = (more, from) => take(envelope, way, { ...known(envelope, way.fields), ...more }, box, from);
  const each = (value) => button(`By ${METHODS[value] ?? value}`,
    (event) => send({ ...filled(event.target.form), [choice.name]: value }, event.target));
  const more = offered(envelope, way.fields).map((field) => (field.type === 'boolean' ? checkbox(field) : input(field)));
  if (choice) return make('form', { className: 'choices', onsubmit: (event) => event.preventDefault() }, more, allowed(choice).map(each));
  // The server says what is wrong, in one voice: the browser's own checks stay silent.
  const form = make('form', { noValidate: true }, fields.map(input), more, make('button', { className: 'main' }, text));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(filled(form), form.querySelector('button'));
  });
  return form;
}

function ways(envelope, way, box) {
  const fields = asked(envelope, way.fields);
  const text = WAYS[way.rel] ?? way.rel;
  const send = (more) => (event) => take(envelope, way, { ...known(envelope, way.fields), ...more }, box, event.target);
  if (fields.length === 0) return [button(text, send({}))];
  const values = allowed(fields[0]);
  if (values.length > 1) {
    return values.map((value) => button(`Use ${METHODS[value] ?? value}`, send({ [fields[0].name]: value })));
  }
  return [button(text, () => {
    const own = alertBox();
    const back = make('div', { className: 'ways' }, button('Back', () => stand(envelope)));
    scene(text, own, step(envelope, way, own, 'Continue'), back);
  })];
}

// Where the wizard stands now.
async function look(envelope) {
  const { status, body } = await call('GET', `${API}/wizard/${envelope.uuid}`);
  if (status < 300) stand({ ...body, then: envelope.then });
}

async function take(envelope, way, body, box, from) {
  from.disabled = true;
  const { status, body: answer } = await call(way.method, way.href, way.method === 'DELETE' ? undefined : body);
  from.disabled = false;
  if (status === 204) return stand({ done: true }, 'Cancelled.');
  if (answer.successToken && envelope.then) return envelope.then(answer.successToken);
  if (status && status < 300) return answer.uuid ? stand(answer) : look(envelope);
  for (const error of stage.querySelectorAll('.error')) error.replaceChildren();
  for (const field of stage.querySelectorAll('input')) field.removeAttribute('aria-invalid');
  const restart = answer.restart && button('Start again', () => begin(tokens ? undefined : answer.restart.href), 'small');
  // The step came too late or somebody else came first: shows where the wizard stands now.
  if (status === 409) {
    await look(envelope);
    box = stage.querySelector('.alert') ?? box;
  }
  box.replaceChildren();
  const wrong = Object.entries(answer.errors ?? {}).filter(([name]) => $(`error-${name}`));
  const ofCode = wrong.length === 0 && /^(invalid_code|code_)/.test(answer.code) && $('error-code');
  if (ofCode) wrong.push(['code', [answer.detail + left(answer)]]);
  for (const [name, messages] of wrong) {
    $(`error-${name}`).textContent = messages.join(' ');
    $(`field-${name}`).setAttribute('aria-invalid', 'true');
  }
  if (wrong.length === 0) say(box, answer, ...(restart ? [make('p', {}, restart)] : []));
  if (answer.retryAfter) countDown(answer.retryAfter, [from, ...(restart ? [restart] : [])]);
  const first = stage.querySelector('[aria-invalid]');
  if (first) { first.focus(); first.select(); }
}

const account = (note) => (tokens ? signedIn(app, note) : begin());
const app = { API, METHODS, alertBox, account, begin, call, clock, remember, say, scene, stand, tokens: () => tokens };

// ---- around it

$('outbox-look').onclick = async () => {
  const { body } = await call('GET', '/dev/outbox');
  const use = (code) => { const field = $('field-code'); if (field) { field.value = code; field.focus(); } };
  const first = (text) => text.split('\n')[0];
  const row = ({ to, subject, text, kind, code, sentAt }) => make('li', {},
    make('div', { className: 'row' }, make('strong', {}, to), make('span', { className: 'hint' }, clock(sentAt))),
    make('p', { className: 'hint' }, kind === 'notice' ? first(text) : subject ?? first(text)),
    code ? button(`Use ${code}`, () => use(code), 'small') : null);
  const rows = (body?.data ?? []).slice(0, 5).map(row);
  $('outbox').replaceChildren(...(rows.length ? rows : [make('li', { className: 'hint' }, 'Nothing was sent.')]));
};

// A reload resumes where the wizard stands.
async function resume() {
  const uuid = location.hash.slice(1);
  const found = uuid ? await call('GET', `${API}/wizard/${encodeURIComponent(uuid)}`) : null;
  if (found?.status === 200) stand(found.body);
  else if (tokens) account();
  else begin();
}
hand(call);
resume();
