import { confirmed, newPassword } from '/dev/confirm.js';
import { button, make } from '/dev/wire.js';

const agent = (client) => /(Firefox|Edg|Chrome|Safari)\/\d+/.exec(client)?.[0] ?? client ?? 'Unknown client';

// What somebody who is signed in sees and may change.
export async function account(app, note) {
  const { API, METHODS, begin, call, clock, remember, scene } = app;
  const [methods, sessions, changes, codes, devices] = [
    await call('GET', `${API}/2fa`), await call('GET', `${API}/sessions`), await call('GET', `${API}/2fa/changes?limit=5`),
    await call('GET', `${API}/2fa/recovery-codes`), await call('GET', `${API}/devices`)];
  if (!app.tokens()) return begin();
  const list = (answer, row) => make('ul', { className: 'list' }, (answer.body?.data ?? []).map(row));
  const then = (method, href, said) => async () => { await call(method, href); account(app, said); };
  const method = ({ caption, isEnabled, name }) => make('li', { className: 'row' },
    make('span', {}, caption, ' ', make('span', { className: isEnabled ? 'state on' : 'state' }, isEnabled ? 'on' : 'off')),
    button(isEnabled ? 'Turn off' : 'Turn on', () => begin(`${API}/2fa/${name}/${isEnabled ? 'disable' : 'enable'}/wizard`),
      isEnabled ? 'small danger' : 'small'));
  const session = ({ id, current, client, lastUsedAt }) => make('li', { className: 'row' },
    make('span', { title: client ?? '' }, agent(client), make('span', { className: 'hint' }, `, last seen ${clock(lastUsedAt)}`)),
    current ? make('span', { className: 'state on' }, 'this one')
      : button('End', then('DELETE', `${API}/sessions/${id}`, 'Session ended.'), 'small danger'));
  const device = ({ id, name, current, lastUsedAt }) => make('li', { className: 'row' },
    make('span', { title: name ?? '' }, agent(name), make('span', { className: 'hint' }, `, last used ${clock(lastUsedAt)}`)),
    current ? make('span', { className: 'state on' }, 'this one') : null,
    button('Forget', then('DELETE', `${API}/devices/${id}`, 'Device forgotten.'), 'small danger'));
  const change = ({ provider, isEnabled, time }) => make('li', {},
    `${METHODS[provider] ?? provider} ${isEnabled ? 'on' : 'off'} `, make('span', { className: 'hint' }, `at ${clock(time)}`));
  const renew = async () => {
    const { status, body } = await call('POST', `${API}/refresh`, { refreshToken: app.tokens().refreshToken.token });
    if (status < 300) remember(body);
    account(app, status < 300 ? 'A new pair of tokens.' : body.title);
  };
  const leave = async () => { await call('POST', `${API}/signout`); remember(null); begin(); };
  const group = (title, more, content) => make('div', { className: 'group' },
    make('div', { className: 'row' }, make('h2', {}, title), more), content);
  const empty = changes.body?.total ? null : make('p', { className: 'hint' }, 'No method was turned on or off so far.');
  scene('Signed in', note ? make('p', { className: 'note', role: 'status' }, note) : null,
    group('Second factors', null, list(methods, method)),
    group('Recovery codes', button('Make new ones', () => fresh(app), 'small'),
      make('p', { className: 'hint' }, `${codes.body?.left ?? 0} left.`)),
    group('Remembered devices', null, devices.body?.total ? list(devices, device)
      : make('p', { className: 'hint' }, 'None: every sign-in asks for a second factor.')),
    group('Sessions', button('End all others', then('DELETE', `${API}/sessions`, 'All others ended.'), 'small'),
      list(sessions, session)),
    group('Changes', null, empty ?? list(changes, change)),
    make('div', { className: 'ways' }, button('Change the password', () => changePassword(app)), button('Refresh tokens', renew), button('Sign out', leave, 'danger')));
}

// A new set of recovery codes, shown this once.
async function fresh(app, success) {
  const { status, body } = await app.call('POST', `${app.API}/2fa/recovery-codes`, success ? { successToken: success } : {});
  if (body.code === 'step_up_required' && !success) return confirmed(app, body.next.href, (token) => fresh(app, token));
  if (status >= 300) return app.account(body.title);
  app.scene('Recovery codes', make('p', { className: 'hint' }, 'Keep them where your phone is not. They are not shown again.'),
    make('pre', {}, body.codes.join('\n')), button('I have kept them', () => app.account(), 'main'));
}

const changePassword = (app) => confirmed(app, `${app.API}/2fa/challenge`,
  (token) => newPassword(app, 'PUT', `${app.API}/password`, token, () => app.account('Password changed.')));
