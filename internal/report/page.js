'use strict';
(() => {
  const m = JSON.parse(document.getElementById('data').textContent);
  const [CONNECT, OWN, POSSIBLE, CERTAIN] = [1, 2, 3, 4];
  const names = ['', 'connect', 'own', 'possible', 'certain'];
  const words = ['does not reach', 'may connect to', 'lives in', 'could, if somebody else acts, get at others’ data in', 'gets at others’ data in'];
  const severities = ['critical', 'high', 'medium', 'low', 'advice'];
  const PAGE = 50;
  const state = { query: '', rows: PAGE, ways: PAGE, hidden: new Set() };
  const byId = id => document.getElementById(id);

  // Everything that stands on the page goes through here, as text.
  const fill = (node, attributes, children) => {
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k.startsWith('on')) node.addEventListener(k.slice(2), v);
      else if (v !== undefined && v !== false) node.setAttribute(k, v === true ? '' : v);
    }
    node.append(...children.flat().filter(c => c !== undefined && c !== ''));
    return node;
  };
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
  const count = (n, word) => n.toLocaleString('en') + ' ' + word + (n === 1 ? '' : 's');
  const matches = (...texts) => !state.query || texts.some(t => t.toLowerCase().includes(state.query));

  m.tenants.forEach((t, i) => {
    t.at = i;
    t.reach = new Map(t.cells);
    t.roles = [];
    t.worst = Math.max(t.all || 0, ...t.cells.map(c => c[1] === OWN ? 0 : c[1]));
  });
  m.roles.forEach((r, i) => { r.at = i; if (r.tenant >= 0) m.tenants[r.tenant].roles.push(r); });
  // Who reaches everything does not thereby reach into its own house.
  const servers = Math.max(0, ...m.databases.map(d => d.server || 0)) + 1, here = (t, d) => (t.server || 0) === (m.databases[d].server || 0);
  const level = (t, d) => t.reach.get(d) === OWN && m.databases[d].tenants === 1 ? OWN : Math.max(t.reach.get(d) || 0, here(t, d) ? t.all || 0 : 0, here(t, d) && m.databases[d].public ? CONNECT : 0);
  const goal = w => w.to >= 0 ? m.tenants[w.to].name : w.goal === 'superuser' ? 'a superuser’s powers' : 'everybody’s data';
  const ofTenant = t => matches(t.name, ...t.roles.map(r => r.name), ...t.cells.map(c => m.databases[c[0]].name));

  const tile = (tone, n, what, href) => h('a', { class: 'tile ' + tone, href }, h('b', {}, n.toLocaleString('en')), h('span', {}, what));
  function verdict() {
    const grave = m.findings.filter(f => f.severity === 'critical' || f.severity === 'high').length;
    byId('verdict').append(
      tile('', m.tenants.length, m.tenants.length === 1 ? 'tenant' : 'tenants', '#matrix'),
      tile('', m.databases.length, m.databases.length === 1 ? 'database' : 'databases', '#matrix'),
      tile(m.certain ? 'bad' : 'good', m.certain, 'ways between tenants that work now', '#graph'),
      tile(m.possible ? 'warn' : 'good', m.possible, 'ways that need somebody to act', '#graph'),
      tile(grave ? 'bad' : 'good', grave, 'critical or high, of ' + count(m.findings.length, 'finding'), '#findings'));
  }

  // The page's one sentence, before any number.
  function headline() {
    const out = m.tenants.filter(t => t.worst === CERTAIN).length, maybe = m.tenants.filter(t => t.worst === POSSIBLE).length;
    const of = n => (n === m.tenants.length ? (n === 1 ? 'The tenant' : 'All ' + count(n, 'tenant')) : n.toLocaleString('en') + ' of ' + count(m.tenants.length, 'tenant'));
    const does = n => (n === 1 ? ' gets' : ' get');
    const [tone, text] = !m.tenants.length ? ['', 'No tenants could be told from this server.']
      : out ? ['bad', of(out) + does(out) + ' at others’ data now.']
        : maybe ? ['warn', of(maybe) + ' could get at others’ data, if somebody else acts.']
          : ['good', m.tenants.length === 1 ? 'The tenant stays in its own house.' : 'Each of ' + count(m.tenants.length, 'tenant') + ' stays in its own house.'];
    const dark = (m.missing || []).filter(s => !s.stopped).length;
    byId('headline').className = dark && tone !== 'bad' ? 'warn' : tone;
    byId('headline').textContent = text + (dark ? ' Nothing is known of ' + count(dark, 'server') + '.' : '');
  }

  // Where rows cannot show them all, each tenant is a square, in the order of
  // their names, as bad as the worst that is true of it.
  const CROWD = 60, crowded = m.tenants.length > CROWD;
  function mosaic() {
    if (!crowded) return;
    const across = m.tenants.length > 2000 ? 160 : 80;
    const tone = t => names[t.worst > OWN ? t.worst : t.worst === CONNECT ? CONNECT : OWN];
    const squares = m.tenants.map(t => svg('rect', { class: tone(t) + (ofTenant(t) ? '' : ' off'), 'data-t': t.at, x: t.at % across * 10 + 1, y: Math.floor(t.at / across) * 10 + 1, width: 8, height: 8, rx: 2 }, svg('title', {}, t.name)));
    byId('mosaic').replaceChildren(
      svg('svg', { viewBox: `0 0 ${across * 10} ${Math.ceil(m.tenants.length / across) * 10}`, role: 'img', 'aria-label': 'Each tenant as a square, coloured by the worst that is true of it. ' + byId('headline').textContent, onclick: e => {
        const t = m.tenants[(e.target.closest('[data-t]') || { dataset: {} }).dataset.t];
        if (t) search(t.name);
      } }, squares),
      h('figcaption', { class: 'dim' }, 'Every square is a tenant. Click one to see what it has to do with; the rows below are those that stand out.'));
  }

  function search(text) {
    byId('search').value = text;
    byId('search').dispatchEvent(new Event('input'));
  }

  // The columns are what the rows shown have to do with, and what is open to
  // all; where one cannot see them all at once, the worst come first.
  function columns(rows) {
    const wanted = new Set();
    const add = own => rows.forEach(t => t.reach.forEach((l, d) => { if ((l === OWN) === own && wanted.size < 80) wanted.add(d); }));
    add(true);
    add(false);
    m.databases.forEach((d, i) => { if (!d.tenants && (servers === 1 || rows.some(t => level(t, i))) || wanted.size < 30 && rows.some(t => t.all)) wanted.add(i); });
    const worst = d => (crowded ? Math.max(0, ...rows.map(t => (t.reach.get(d) || 0) > OWN ? t.reach.get(d) : 0)) : 0);
    return [...wanted].sort((a, b) => worst(b) - worst(a) || (m.databases[a].tenants > 0 ? 0 : 1) - (m.databases[b].tenants > 0 ? 0 : 1) || m.databases[a].name.localeCompare(m.databases[b].name));
  }

  function grid() {
    const found = m.tenants.filter(ofTenant);
    const folded = found.length > PAGE && !state.query;
    const loud = (folded ? found.filter(t => t.worst > 0) : found.slice()).sort((a, b) => b.worst - a.worst || a.at - b.at);
    const quiet = folded ? found.filter(t => !t.worst) : [];
    const limit = folded ? (loud.length ? Math.min(loud.length, PAGE) : 12) + state.rows - PAGE : state.rows;
    const rows = loud.concat(quiet).slice(0, limit);
    const open = columns(rows);
    // Paper is as wide as it is: there the columns come in several tables.
    const across = state.paper ? 38 : open.length || 1, tables = [];
    for (let x = 0; x < open.length; x += across) tables.push(table(rows, open.slice(x, x + across), x));
    const left = found.length - rows.length;
    byId('grid').replaceChildren(
      m.tenants.length ? h('div', { class: 'scroll' + (rows.length <= 12 && open.length <= 14 ? ' roomy' : '') }, tables) : h('p', { class: 'dim' }, 'No tenants could be told from this server.'),
      left ? h('p', { class: 'rest' }, folded && quiet.length === left ? count(left, 'more tenant') + ', with nothing but their own house and what is open to all' : count(left, 'more tenant'),
        h('button', { type: 'button', onclick: () => { state.rows += PAGE; grid(); } }, 'Show more')) : '',
      rows.length && open.length < m.databases.length ? h('p', { class: 'dim' }, open.length + ' of ' + count(m.databases.length, 'database') + ' shown: what these rows have to do with' + (rows.some(t => t.all) ? '; a row that is red throughout reaches all' : '') + '.') : '',
      h('div', { id: 'explain', 'aria-live': 'polite' }, rows.length ? h('p', { class: 'dim' }, 'Choose a square to see why.') : ''));
  }

  function table(rows, open, left) {
    const head = h('tr', {}, h('th', { scope: 'col' }, h('span', { class: 'hide' }, 'tenant')), open.map(d => {
      const b = m.databases[d];
      return h('th', { scope: 'col', title: b.name + ', owned by ' + b.owner + (b.public ? ', open to PUBLIC' : '') }, h('span', { class: b.public ? 'public' : '' }, b.name));
    }));
    const body = rows.map((t, y) => h('tr', {}, h('th', { scope: 'row', title: t.name }, t.name), open.map((d, i) => {
      const l = level(t, d), b = m.databases[d], x = left + i;
      return h('td', {}, h('button', { type: 'button', tabindex: x + y ? -1 : 0, 'data-x': x, 'data-y': y, 'aria-label': t.name + ' ' + words[l] + ' ' + b.name, onclick: () => explain(t, d) }, h('i', { class: 'cell ' + names[l] })));
    })));
    return h('table', { onkeydown: move }, h('thead', {}, head), h('tbody', {}, body));
  }

  function move(e) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[e.key];
    const at = e.target.closest('button[data-x]');
    if (!step || !at) return;
    e.preventDefault();
    const to = byId('grid').querySelector(`[data-x="${+at.dataset.x + step[0]}"][data-y="${+at.dataset.y + step[1]}"]`);
    if (!to) return;
    at.tabIndex = -1; to.tabIndex = 0; to.focus();
  }

  function explain(t, d) {
    const l = level(t, d), b = m.databases[d];
    const ways = m.ways.filter(w => w.from === t.at && (w.to < 0 || (m.tenants[w.to].reach.get(d) || 0) >= OWN));
    const why = l === CONNECT ? (b.public ? 'PUBLIC holds CONNECT there: every role does. ' : 'One of its logins holds CONNECT there. ') + 'pg_hba.conf may still refuse it.' : '';
    byId('explain').replaceChildren(h('p', {}, h('strong', {}, t.name), ' ' + words[l] + ' ', h('strong', {}, b.name), '. ' + why), ...(l > OWN ? ways.slice(0, 5).map(w => wayCard(w, true)) : []));
  }

  const wayCard = (w, open) => h('details', { class: w.certain ? 'certain-way' : 'possible-way', open },
    h('summary', {}, h('span', { class: 'badge' }, w.certain ? 'now' : 'possible'), m.tenants[w.from].name + ' → ' + goal(w), ' ', h('small', {}, w.login + ' to ' + w.reaches)),
    h('ol', {}, (w.steps || []).map(s => h('li', {}, s.why, s.database ? h('span', { class: 'dim' }, ' (database ' + s.database + ')') : '', (s.sql || []).length ? h('pre', {}, s.sql.join('\n')) : ''))));

  function ways() {
    const found = m.ways.filter(w => matches(m.tenants[w.from].name, goal(w), w.login, w.reaches));
    const all = m.certain + m.possible;
    byId('ways').replaceChildren(
      all ? '' : h('p', { class: 'good-news' }, 'No way from one tenant to another is known.'),
      ...found.slice(0, state.ways).map((w, i) => wayCard(w, i === 0)),
      found.length > state.ways ? h('p', { class: 'rest' }, count(found.length - state.ways, 'more way'), h('button', { type: 'button', onclick: () => { state.ways += PAGE; ways(); } }, 'Show more')) : '',
      all > m.ways.length ? h('p', { class: 'dim' }, 'Of ' + all.toLocaleString('en') + ' ways, ' + m.ways.length.toLocaleString('en') + ' are spelled out here; all are in the matrix.') : '');
  }

  // The ring: each tenant an arc with its roles on it; inside, the roles that
  // are nobody's; across, the ways.
  function ring() {
    const R = 250, place = [], mid = new Map(), many = m.roles.length > 90;
    const at = (a, r) => [Math.cos(a) * r, Math.sin(a) * r].map(v => +v.toFixed(1));
    const lived = m.tenants.filter(t => t.roles.length);
    const tone = new Map();
    m.ways.forEach(w => { const l = w.certain ? 'hot' : 'warm'; for (const t of [w.from, w.to]) if (t >= 0 && tone.get(t) !== 'hot') tone.set(t, l); });
    // Of many, those that ways touch get room for their names.
    const room = lived.length > 60 && tone.size < 60 ? lived.length / 12 : 0;
    const width = t => t.roles.length + 1 + (tone.has(t.at) || state.query && lived.length > 60 && ofTenant(t) && labelled++ < 20 ? room : 0);
    let labelled = 0;
    const widths = new Map(lived.map(t => [t, width(t)]));
    const slots = [...widths.values()].reduce((n, w) => n + w, 0) || 1;
    const arcs = svg('g', {}), ties = svg('g', {}), dots = svg('g', {}), lines = svg('g', {}), texts = svg('g', {});
    let slot = 0, labels = 0;
    const angle = n => n / slots * 2 * Math.PI - Math.PI / 2;
    for (const t of lived) {
      const w = widths.get(t), a = angle(slot + .35), b = angle(slot + w - .35), c = (a + b) / 2, each = Math.min((b - a) / t.roles.length, .25);
      mid.set(t.at, at(c, R - 14));
      const [p, q] = [at(a, R + 8), at(b, R + 8)];
      arcs.append(svg('path', { class: 'arc ' + (tone.get(t.at) || ''), d: `M${p} A${R + 8} ${R + 8} 0 ${b - a > Math.PI ? 1 : 0} 1 ${q}` }, svg('title', {}, t.name)));
      t.roles.forEach((r, i) => { place[r.at] = at(c + (i - (t.roles.length - 1) / 2) * each, R - 8); });
      const hit = state.query && ofTenant(t);
      if (lived.length <= 40 || (hit || tone.has(t.at) && room) && labels++ < 40) {
        const deg = c * 180 / Math.PI, flip = Math.cos(c) < 0, [x, y] = at(c, R + 20);
        texts.append(svg('text', { class: tone.has(t.at) || hit ? 'hot' : '', x, y, transform: `rotate(${flip ? deg + 180 : deg} ${x} ${y})`, 'text-anchor': flip ? 'end' : 'start', dy: '.35em' }, t.name.length > 18 ? t.name.slice(0, 17) + '…' : t.name));
      }
      slot += w;
    }
    const others = m.roles.filter(r => r.tenant < 0).sort((a, b) => b.super - a.super || a.at - b.at);
    others.forEach((r, i) => { place[r.at] = r.super && i === 0 ? [0, 0] : at(i / others.length * 2 * Math.PI, 90); });
    const core = others.find(r => r.super) ? place[others.find(r => r.super).at] : [0, 0];
    const shown = r => !many || r.tenant < 0 || lived.length <= 200 || tone.get(r.tenant) === 'hot' || tone.size < 200 && tone.has(r.tenant) || state.query && ofTenant(m.tenants[r.tenant]);
    m.members.filter(([a, b]) => shown(m.roles[a]) && shown(m.roles[b])).forEach(([a, b]) => ties.append(svg('path', { class: 'tie', d: `M${place[a]} Q${place[a].map((v, i) => (v + place[b][i]) * .36)} ${place[b]}`, 'stroke-width': many ? .3 : undefined })));
    m.roles.forEach(r => {
      if (!shown(r)) return;
      const [x, y] = place[r.at];
      dots.append(svg('circle', { class: 'dot' + (r.login ? ' login' : '') + (r.super ? ' super' : ''), cx: x, cy: y, r: r.super ? 8 : lived.length > 60 && !tone.has(r.tenant) && r.tenant >= 0 ? 2 : 4.5 }, svg('title', {}, r.name + (r.super ? ', superuser' : r.login ? ', login' : ', no login'))));
      if (r.tenant < 0 && others.length <= 24 || r.super) texts.append(svg('text', { x, y: y + (r.super ? 21 : 17), 'text-anchor': 'middle' }, r.name.length > 20 ? r.name.slice(0, 19) + '…' : r.name));
    });
    // Where there are hundreds, those that work now stay readable: they lie on
    // top, and the others are a veil.
    const drawn = m.ways.slice(0, 600), veil = drawn.filter(w => !w.certain).length > 80;
    drawn.sort((a, b) => (a.certain ? 1 : 0) - (b.certain ? 1 : 0)).forEach(w => {
      const from = mid.get(w.from), to = w.to < 0 ? core : mid.get(w.to);
      if (!from || !to) return;
      const faded = state.query && !matches(m.tenants[w.from].name, goal(w));
      const bend = w.to < 0 ? [from[1] * .25 + from[0] * .5, from[1] * .5 - from[0] * .25] : [(from[0] + to[0]) * .18 + (to[1] - from[1]) * .14, (from[1] + to[1]) * .18 - (to[0] - from[0]) * .14];
      lines.append(svg('path', { class: 'way ' + (w.certain ? 'certain ' : veil ? 'veil ' : '') + (faded ? 'faded' : ''), d: `M${from} Q${bend} ${to}`, 'marker-end': w.certain ? 'url(#red)' : veil ? undefined : 'url(#amber)' }, svg('title', {}, m.tenants[w.from].name + ' → ' + goal(w))));
    });
    const marker = (id, colour) => svg('marker', { id, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto', markerUnits: 'userSpaceOnUse' }, svg('path', { d: 'M0 0L8 4L0 8z', fill: `var(--${colour})` }));
    byId('ring').replaceChildren(
      svg('svg', { viewBox: '-345 -335 690 670', role: 'img', 'aria-label': count(m.certain, 'certain way') + ' and ' + m.possible + ' possible between ' + count(m.tenants.length, 'tenant') + '; the list beside tells each' }, svg('defs', {}, marker('red', 'certain'), marker('amber', 'possible')), ties, arcs, dots, lines, texts),
      h('figcaption', { class: 'dim' }, 'Each arc is a tenant, with its roles on it (filled: may log in). Grey: memberships' + (lived.length > 200 ? ', of the tenants that ways touch or that you search' : '') + '. Red: works now. Dashed: needs somebody else to act.' + (m.ways.length > 600 ? ' The first 600 ways are drawn.' : '')));
  }

  const breaks = f => h('p', {}, h('strong', {}, 'May break: '), f.breaks);
  const findingCard = (f, own) => h('details', { class: f.severity, id: f.key }, h('summary', {}, f.where || f.title),
    h('p', {}, f.what), (f.fix || []).length ? h('pre', {}, f.fix.map(x => (x.in ? '-- in ' + x.in + '\n' : '') + x.text).join('\n')) : '',
    own && f.breaks ? breaks(f) : '', h('p', { class: 'dim' }, f.key + (f.cis ? ' · CIS ' + f.cis : '')));

  function group(list) {
    const first = list[0];
    const box = h('details', { class: 'group ' + first.severity }, h('summary', {}, h('span', { class: 'badge' }, first.severity), first.title, ' ', h('span', { class: 'count' }, list.length > 1 ? '× ' + list.length.toLocaleString('en') : ''), ' ', h('small', {}, list.length === 1 ? first.where : '')), h('p', {}, first.why));
    // What all of them may break is said once.
    const same = first.breaks && list.every(f => f.breaks === first.breaks);
    if (same) box.append(breaks(first));
    const open = all => {
      if (box.dataset.shown === 'all' || box.dataset.shown && !all) return;
      const from = box.dataset.shown ? PAGE : 0, to = all ? list.length : PAGE;
      box.querySelector('.rest')?.remove();
      box.append(...list.slice(from, to).map(f => findingCard(f, !same)));
      if (list.length === 1) box.querySelector('details').open = true;
      box.dataset.shown = to >= list.length ? 'all' : 'some';
      if (to < list.length) box.append(h('p', { class: 'rest' }, count(list.length - to, 'more'), h('button', { type: 'button', onclick: () => open(true) }, 'Show all')));
    };
    box.addEventListener('toggle', e => { if (e.target === box && box.open) open(false); });
    box.print = () => { open(false); box.open = true; };
    return box;
  }

  function findings() {
    const groups = new Map();
    for (const f of m.findings) {
      if (state.hidden.has(f.severity) || !matches(f.title, f.where, f.what, f.key)) continue;
      const key = f.severity + f.code;
      groups.has(key) ? groups.get(key).push(f) : groups.set(key, [f]);
    }
    byId('list').replaceChildren(...(groups.size ? [...groups.values()].map(group) : [h('p', { class: m.findings.length ? 'dim' : 'good-news' }, m.findings.length ? 'None of the findings fits.' : 'Nothing was found.')]));
  }

  function filters() {
    byId('filters').replaceChildren(...severities.map(s => [s, m.findings.filter(f => f.severity === s).length]).filter(x => x[1]).map(([s, n]) =>
      h('button', { type: 'button', class: s, 'aria-pressed': String(!state.hidden.has(s)), onclick: e => {
        state.hidden.has(s) ? state.hidden.delete(s) : state.hidden.add(s);
        e.currentTarget.setAttribute('aria-pressed', String(!state.hidden.has(s)));
        findings();
      } }, s + ' ' + n.toLocaleString('en'))));
  }

  function draw() { mosaic(); grid(); ring(); ways(); findings(); }

  let timer;
  byId('search').addEventListener('input', e => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.query = e.target.value.trim().toLowerCase(); state.rows = state.ways = PAGE; draw(); }, 80);
  });
  addEventListener('keydown', e => {
    if (e.key === '/' && e.target.tagName !== 'INPUT') { e.preventDefault(); byId('search').focus(); }
    if (e.key === 'Escape' && (e.target.id === 'search' || state.query)) search('');
  });
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });
  addEventListener('beforeprint', () => {
    state.paper = true;
    grid();
    document.querySelectorAll('details.group').forEach(d => d.print());
    document.querySelectorAll('details').forEach(d => { d.open = true; });
  });
  addEventListener('afterprint', () => { state.paper = false; grid(); });

  if (m.unknown.length) {
    byId('unknown').hidden = false;
    byId('unknown').querySelector('ul').append(...m.unknown.map(n => h('li', {}, n.what + ': ' + n.reason + '. ', h('span', { class: 'dim' }, 'Next: ' + n.ask))));
  }
  headline(); verdict(); filters(); draw();
  document.documentElement.dataset.ready = Math.round(performance.now()); // ms since the page was asked for
})();
