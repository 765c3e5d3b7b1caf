// Walks any wizard of the server by what its answers say in `next`; it knows no step by itself. What it knows are words:
// a title for steps that have one, a label for fields that have one.

import { hand } from '/dev/hand.js';
import { button, make, show } from '/dev/wire.js';

const API = '/api/v2/my';
const [APP, TEXT, MAIL] = ['Code from your app', 'Code from the text message', 'Code from the email'];
const TITLES = {
  login: 'Sign in', '2fa_choose': 'Choose a method', '2fa_google_auth': APP, '2fa_sms_auth': TEXT, '2fa_email_auth': MAIL,
  '2fa_recovery': 'Recovery code', '2fa_enroll': 'Turn a method on first',
  '2fa_google': 'Authenticator app', '2fa_sms_phone_create': 'Your phone number', phone: TEXT, '2fa_sms': TEXT, '2fa_email': MAIL,
};
const LABELS = { email: 'Email or user name', password: 'Password', code: 'Code', phone: 'Phone number' };
const WAYS = {
  resend: 'Send another code', cancel: 'Cancel', change_phone: 'Use another number', recovery: 'Use a recovery code',
  enroll: 'Use another method',
};
const METHODS = { google: 'authenticator app', sms: 'SMS', email: 'email' };

const $ = (id) => document.getElementById(id);
const stage = $('stage');
let tokens = JSON.parse(sessionStorage.getItem('tokens') ?? 'null');

const clock = (time) => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

// ---- calls

async function call(method, href, body) {
  const headers = { 'Accept-Language': $('language').value };
  if (body) headers['Content-Type'] = 'application/json';
  if (tokens) headers.Authorization = `Bearer ${tokens.accessToken.token}`;
  const began = performance.now();
  let answer;
  try {
    const response = await fetch(href, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const kept = ['content-type', 'retry-after', 'x-wizard-key', 'x-request-id'];
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

async function begin(href = `${API}/signin/wizard`) {
  const { status, body } = await call('GET', href);
  if (status < 300 && status) return stand(body);
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
    form, make('div', { className: 'ways' }, next.alternatives.flatMap((way) => ways(envelope, way, box))));
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
  const found = /^\^\(?([A-Za-z_]+(?:\|[A-Za-z_]+)*)\)?\$$/.exec(field.pattern ?? '');
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

function input(field) {
  const code = field.name === 'code';
  const props = {
    id: `field-${field.name}`, name: field.name, required: field.required, type: 'text', className: code ? 'code' : '',
    autocomplete: { email: 'username', password: 'current-password', code: 'one-time-code', phone: 'tel' }[field.name],
    'aria-describedby': `error-${field.name}`, spellcheck: false, autocapitalize: 'none',
  };
  if (field.name === 'password') props.type = 'password';
  if (field.name === 'phone') Object.assign(props, { type: 'tel', placeholder: '+420601123456' });
  if (code && field.pattern?.startsWith('^[0-9]')) props.inputMode = 'numeric';
  if (field.maxLength) props.maxLength = field.maxLength;
  return make('div', { className: 'field' }, make('label', { htmlFor: props.id }, LABELS[field.name] ?? field.name),
    make('input', props), make('div', { id: `error-${field.name}`, className: 'error', role: 'alert' }));
}

// The form for a call: one input for each field that somebody must fill in, one button for each value to choose from.
function step(envelope, way, box, text) {
  const fields = asked(envelope, way.fields);
  const choice = fields.find((field) => allowed(field).length > 1);
  const send = (more, from) => take(envelope, way, { ...known(envelope, way.fields), ...more }, box, from);
  const each = (value) => button(`By ${METHODS[value] ?? value}`, (event) => send({ [choice.name]: value }, event.target));
  if (choice) return make('div', { className: 'choices' }, allowed(choice).map(each));
  // The server says what is wrong, in one voice: the browser's own checks stay silent.
  const form = make('form', { noValidate: true }, fields.map(input), make('button', { className: 'main' }, text));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(Object.fromEntries(new FormData(form)), form.querySelector('button'));
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

// What the server misses although it may be left out elsewhere, such as the phone that SMS needs.
function ask(envelope, way, body, missed) {
  const narrow = (field) => {
    if (missed.includes(field)) return { ...field, required: true };
    return field.name in body ? { ...field, pattern: `^${body[field.name]}$` } : field;
  };
  const own = alertBox();
  const back = make('div', { className: 'ways' }, button('Back', () => stand(envelope)));
  scene(LABELS[missed[0].name] ?? missed[0].name, own, step(envelope, { ...way, fields: way.fields.map(narrow) }, own, 'Continue'), back);
}

async function take(envelope, way, body, box, from) {
  from.disabled = true;
  const { status, body: answer } = await call(way.method, way.href, way.method === 'DELETE' ? undefined : body);
  from.disabled = false;
  if (status === 204) return stand({ done: true }, 'Cancelled.');
  if (status && status < 300) return stand(answer);
  for (const error of stage.querySelectorAll('.error')) error.replaceChildren();
  for (const field of stage.querySelectorAll('input')) field.removeAttribute('aria-invalid');
  const restart = answer.restart && button('Start again', () => begin(tokens ? undefined : answer.restart.href), 'small');
  // The step came too late or somebody else came first: shows where the wizard stands now.
  if (status === 409) {
    const now = await call('GET', `${API}/wizard/${envelope.uuid}`);
    if (now.status < 300) stand(now.body);
    box = stage.querySelector('.alert') ?? box;
  }
  box.replaceChildren();
  const missed = way.fields.filter((field) => answer.errors?.[field.name] && !$(`field-${field.name}`));
  if (missed.length && status !== 409) return ask(envelope, way, body, missed);
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

// ---- signed in

const agent = (client) => /(Firefox|Edg|Chrome|Safari)\/\d+/.exec(client)?.[0] ?? client ?? 'Unknown client';

async function account(note) {
  const [methods, sessions, changes] = [
    await call('GET', `${API}/2fa`), await call('GET', `${API}/sessions`), await call('GET', `${API}/2fa/changes?limit=5`)];
  if (!tokens) return begin();
  const list = (answer, row) => make('ul', { className: 'list' }, (answer.body?.data ?? []).map(row));
  const then = (method, href, said) => async () => { await call(method, href); account(said); };
  const method = ({ caption, isEnabled, name }) => make('li', { className: 'row' },
    make('span', {}, caption, ' ', make('span', { className: isEnabled ? 'state on' : 'state' }, isEnabled ? 'on' : 'off')),
    button(isEnabled ? 'Turn off' : 'Turn on', () => begin(`${API}/2fa/${name}/${isEnabled ? 'disable' : 'enable'}/wizard`),
      isEnabled ? 'small danger' : 'small'));
  const session = ({ id, current, client, lastUsedAt }) => make('li', { className: 'row' },
    make('span', { title: client ?? '' }, agent(client), make('span', { className: 'hint' }, `, last seen ${clock(lastUsedAt)}`)),
    current ? make('span', { className: 'state on' }, 'this one')
      : button('End', then('DELETE', `${API}/sessions/${id}`, 'Session ended.'), 'small danger'));
  const change = ({ provider, isEnabled, time }) => make('li', {},
    `${METHODS[provider] ?? provider} ${isEnabled ? 'on' : 'off'} `, make('span', { className: 'hint' }, `at ${clock(time)}`));
  const renew = async () => {
    const { status, body } = await call('POST', `${API}/refresh`, { refreshToken: tokens.refreshToken.token });
    if (status < 300) remember(body);
    account(status < 300 ? 'A new pair of tokens.' : body.title);
  };
  const leave = async () => { await call('POST', `${API}/signout`); remember(null); begin(); };
  const group = (title, more, content) => make('div', { className: 'group' },
    make('div', { className: 'row' }, make('h2', {}, title), more), content);
  const empty = changes.body?.total ? null : make('p', { className: 'hint' }, 'No method was turned on or off so far.');
  scene('Signed in', note ? make('p', { className: 'note', role: 'status' }, note) : null,
    group('Second factors', null, list(methods, method)),
    group('Sessions', button('End all others', then('DELETE', `${API}/sessions`, 'All others ended.'), 'small'),
      list(sessions, session)),
    group('Changes', null, empty ?? list(changes, change)),
    make('div', { className: 'ways' }, button('Refresh tokens', renew), button('Sign out', leave, 'danger')));
}

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
