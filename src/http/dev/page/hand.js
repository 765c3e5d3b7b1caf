// The clock and the faults of dev mode, each a call like any other.

import { button, make } from '/dev/wire.js';

const CHANNELS = { sms: 'A text message', email: 'An email' };
const FAULTS = { none: 'arrives', refuse: 'is refused', hang: 'is never answered', unknown: 'arrives, answer lost' };

const $ = (id) => document.getElementById(id);

function ahead(seconds) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']].map(([size, unit]) => {
    const count = Math.floor(seconds / size);
    seconds %= size;
    return count ? `${count} ${unit}` : '';
  });
  return parts.filter(Boolean).join(' ');
}

export function hand(call) {
  const time = async (body) => {
    const { status, body: told } = await call(body ? 'POST' : 'GET', '/dev/clock', body);
    if (status !== 200) return;
    const now = `${told.now.slice(0, 19).replace('T', ' ')} UTC`;
    $('clock-now').textContent = told.offset ? `${now}, ${ahead(told.offset)} ahead` : now;
  };
  const moves = [['+1 min', '1m'], ['+15 min', '15m'], ['+1 day', '1d'], ['+30 days', '30d']];
  $('clock-moves').replaceChildren(
    ...moves.map(([text, advance]) => button(text, () => time({ advance }), 'small')),
    button('Reset', () => time({ reset: true }), 'small'));

  const faults = async (body) => {
    const { status, body: told } = await call(body ? 'POST' : 'GET', '/dev/faults', body);
    if (status !== 200) return;
    $('faults').replaceChildren(...told.data.map(({ channel, fault }) => {
      const options = Object.entries(FAULTS).map(([value, text]) => make('option', { value, selected: value === fault }, text));
      const select = make('select', { onchange: (event) => faults({ channel, fault: event.target.value }) }, options);
      return make('label', { className: 'row' }, CHANNELS[channel], select);
    }));
  };
  $('hand').ontoggle = () => { if ($('hand').open) { time(); faults(); } };
}
