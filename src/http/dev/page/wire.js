// The calls of the page, newest first, as a developer would like to see them.

const wire = document.getElementById('wire');

export function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
export const button = (text, onclick, className = '') => make('button', { type: 'button', className, onclick }, text);

export function show(method, href, headers, body, answer, time) {
  const short = (text) => text.replace(/[A-Za-z0-9+/=_.-]{90,}/g, (long) => `${long.slice(0, 40)}…`);
  const pretty = (value) => JSON.stringify(value, null, 2);
  const part = (title, text) => [make('h3', {}, title), make('pre', { tabIndex: 0 }, short(text))];
  const lines = [`${method} ${href}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const copy = button('Copy as curl', () => navigator.clipboard?.writeText(curl(method, href, headers, body)), 'small');
  for (const open of wire.querySelectorAll('details[open]')) open.open = false;
  wire.prepend(make('details', { open: true },
    make('summary', {},
      make('span', { className: 'mono' }, method), make('span', { className: 'mono path' }, href),
      make('span', { className: `mono ${answer.status && answer.status < 400 ? 'ok' : 'bad'}` }, answer.status || '–'),
      make('span', { className: 'time' }, `${time} ms`)),
    make('div', { className: 'body' },
      part('Request', lines.join('\n') + (body ? `\n\n${pretty(body)}` : '')),
      part('Response', [...answer.headers, '', answer.body ? pretty(answer.body) : '(no body)'].join('\n')),
      make('div', {}, copy))));
}

function curl(method, href, headers, body) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const given = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  const data = body ? [`-d ${quote(JSON.stringify(body))}`] : [];
  return ['curl', '-X', method, quote(location.origin + href), ...given, ...data].join(' ');
}

document.getElementById('wire-clear').onclick = () => wire.replaceChildren();
