// The page of a report: a footprint, a comparison or a difference, from the JSON in #data, which
// is the JSON that `--format json` gives. Pictures are drawn by echarts, tables by hand; both show
// the same figures.
//
// #data holds {"kind": "footprint" | "compare" | "diff", "layer_words": {…}, "state_words": {…},
// "report": {…}}: what layers, groups of layers and states mean, by their names, and the report.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const report = data.report;

  // ---- figures ------------------------------------------------------------------------------

  const MINUS = '\u2212', NONE = '\u2013';
  const isNumber = (x) => typeof x === 'number' && isFinite(x);
  // Bytes are always whole and grouped: 12,345,678.
  const grouped = (n) => !isNumber(n) ? NONE
    : (n < 0 ? MINUS : '') + String(Math.abs(Math.round(n))).replace(/\B(?=(\d{3})+$)/g, ',');
  // Names may be of any length; the whole one is in the data and where the mouse rests.
  const brief = (name) => {
    if (name === '') return '(empty)';
    const letters = [...String(name)];
    return letters.length > 120 ? letters.slice(0, 119).join('') + '\u2026' : String(name);
  };
  // On one line of a picture: no controls, no marks that turn the direction.
  const flat = (name) => brief(name).replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, ' ');
  const signed = (n) => (n > 0 ? '+' : '') + grouped(n);
  const fixed = (x, digits) => isNumber(x)
    ? (x < 0 ? MINUS : '') + Math.abs(x).toFixed(digits) : NONE;
  // The amount of n bytes in the largest unit that it has one of, and the unit.
  const unitOf = (n) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let at = 0, x = Math.abs(n);
    while (x >= 1024 && at < units.length - 1) { x /= 1024; ++at; }
    return [x, units[at]];
  };
  const size = (n) => {
    if (!isNumber(n)) return NONE;
    const [x, unit] = unitOf(n);
    return (n < 0 ? MINUS : '') + (unit === 'B' ? x : x.toFixed(x < 100 ? 1 : 0)) + ' ' + unit;
  };
  const counted = (n, one, many) => grouped(n) + ' ' + (n === 1 ? one : many);
  const share = (part, whole) => whole > 0 ? fixed(100 * part / whole, 1) + '%' : NONE;
  const each = (bytes, count) => count > 0 ? fixed(bytes / count, 1) : NONE;
  const ratio = (a, b) => isNumber(a) && b > 0 ? fixed(a / b, 3) : NONE;
  const sum = (list, field) => list.reduce((total, item) => total + item[field], 0);
  const STATE_WORDS = data.state_words;
  const STATES = Object.keys(STATE_WORDS);
  // None for a name that is not ours: it may be any text, "constructor" too.
  const LAYER_WORDS = new Map(Object.entries(data.layer_words));

  // ---- colours ------------------------------------------------------------------------------

  const darkQuery = window.matchMedia('(prefers-color-scheme: dark)');
  let printing = false;
  const isDark = () => darkQuery.matches && !printing;
  const HUES = {
    light: ['#2a78d6', '#1b9a6c', '#c98500', '#4a3aa7', '#e34948', '#d5609a', '#eb6834', '#5d7b00'],
    dark: ['#3987e5', '#199e70', '#c98500', '#9085e9', '#e66767', '#d55181', '#d95926', '#7f9f1e'],
  };
  const OTHER = {light: '#8a8984', dark: '#75746f'};
  const tone = () => isDark() ? 'dark' : 'light';
  // The page's own, by name: the pictures' texts are measured off the page, where nothing is to be
  // inherited, and labels that are measured too narrow are cut off.
  const font = getComputedStyle(document.body).fontFamily;
  const css = (name) => printing ? {'--ink': '#000', '--ink-2': '#333', '--line': '#ccc',
                                    '--surface': '#fff', '--bad': '#a11', '--good': '#060'}[name]
    : getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // A name keeps its colour wherever it stands, on this page and on others: these have theirs.
  // What is small in every layout has none, and names of somebody else take what is left, the
  // largest first.
  const KNOWN = ['log', 'records', 'dictionary', 'values', 'index', 'inners', 'strings', 'lists'];
  const SMALL = ['shapes', 'policy', 'readers', 'retained', 'scratch', 'object', 'outers', 'keys'];
  const colourRanks = new Map();
  const colour = (name) => {
    const rank = colourRanks.get(name);
    const hues = HUES[tone()];
    return rank === undefined || rank >= hues.length ? OTHER[tone()] : hues[rank];
  };
  const groupOf = (layer) => layer.name.split('/')[0];
  const rankColours = (layouts) => {
    const bytes = new Map();
    for (const layout of layouts) {
      const whole = layout.total_bytes || 1;
      for (const layer of layout.layers) {
        const group = groupOf(layer);
        bytes.set(group, (bytes.get(group) || 0) + layer.total_bytes / whole);
      }
    }
    KNOWN.forEach((name, rank) => { if (bytes.has(name)) colourRanks.set(name, rank); });
    const taken = new Set(colourRanks.values());
    const left = KNOWN.map((_, rank) => rank).filter((rank) => !taken.has(rank));
    [...bytes].sort((a, b) => b[1] - a[1])
      .filter(([name]) => !KNOWN.includes(name) && !SMALL.includes(name))
      .forEach(([name], i) => colourRanks.set(name, left[i]));
  };
  const mix = (a, b, part) => {  // of two #rrggbb
    const at = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
    return '#' + [0, 1, 2].map((i) =>
      Math.round(at(a, i) * (1 - part) + at(b, i) * part).toString(16).padStart(2, '0')).join('');
  };
  const stateColour = (base, state) => state === 'used' ? base
    : mix(base, isDark() ? '#1a1a19' : '#ffffff', state === 'slack' ? 0.5 : 0.72);
  // Whichever of the two is read better on it: the greater contrast, as WCAG reckons it.
  const inkOn = (hex) => {
    const linear = (i) => {
      const x = parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16) / 255;
      return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    };
    const luminance = 0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2);
    return luminance > 0.2 ? '#17171a' : '#ffffff';
  };

  // ---- the page's parts ---------------------------------------------------------------------

  const page = document.getElementById('page');
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== undefined));
    return element;
  };
  const section = (title, words, ...children) =>
    make('section', {}, make('h2', {}, title), words ? make('p', {}, words) : undefined,
         ...children);
  // columns: {title, words, of: row -> cell text or node, class: row -> name}
  const table = (id, columns, rows, rowClass) => {
    const head = make('tr', {}, ...columns.map((column) =>
      make('th', {scope: 'col', class: column.words ? 'words' : undefined,
                  title: STATES.includes(column.title) && STATE_WORDS[column.title]},
           column.title)));
    const body = rows.map((row) => make('tr', {class: rowClass ? rowClass(row) : undefined},
      ...columns.map((column) => {
        const cell = column.of(row);
        return make('td', {class: column.words ? 'words' : (column.class && column.class(row)) ||
                            undefined}, cell);
      })));
    return make('div', {class: 'wide'},
                make('table', {id}, make('thead', {}, head), make('tbody', {}, ...body)));
  };
  // What the names of the rows mean, and where there is no picture with keys, the states of bytes.
  const glossary = (names, withStates) => {
    const words = names.filter((name) => LAYER_WORDS.has(name))
      .map((name) => [name, LAYER_WORDS.get(name)]);
    if (withStates) words.push(...Object.entries(STATE_WORDS));
    return words.length === 0 ? undefined : make('dl', {class: 'glossary'},
      ...words.map(([name, sentence]) =>
        make('div', {}, make('dt', {}, name), make('dd', {}, sentence))));
  };
  const tiles = (list) => make('div', {class: 'tiles'}, ...list.filter(Boolean).map(
    ([figure, words]) => make('div', {class: 'tile'}, make('b', {}, figure),
                              make('span', {}, words))));
  // list() gives [name, background] again whenever the colours change.
  const keysList = [];
  const keys = (list) => {
    const element = make('div', {class: 'keys'});
    const fill = () => element.replaceChildren(...list().map(([name, background]) =>
      make('span', {}, make('i', {style: 'background:' + background}), name)));
    fill();
    keysList.push(fill);
    return element;
  };
  const hatched = (base, over) =>
    'repeating-linear-gradient(135deg,' + base + ' 0 2px,' + over + ' 2px 4px)';

  // ---- charts -------------------------------------------------------------------------------

  const charts = [];  // {chart, option: () -> echarts option}
  const draw = (element, height, option) => {
    element.style.height = height + 'px';
    const chart = echarts.init(element, null, {renderer: 'svg'});
    const entry = {chart, option};
    charts.push(entry);
    chart.setOption(option());
    return entry;
  };
  const redraw = (entry) => {
    entry.chart.setOption(entry.option(), {notMerge: true});
    if (entry.afterwards) entry.afterwards();
  };
  const recolour = () => {
    keysList.forEach((fill) => fill());
    charts.forEach(redraw);
  };
  const stateKeys = () => keys(() => STATES.map((state) => {
    const base = HUES[tone()][0], hex = stateColour(base, state);
    return [state + ': ' + STATE_WORDS[state], state === 'dead' ? hatched(hex, base) : hex];
  }));
  const tooltip = (formatter) => ({
    formatter, confine: true, backgroundColor: css('--surface'), borderColor: css('--line'),
    textStyle: {color: css('--ink'), fontSize: 12, fontFamily: 'inherit'},
  });
  const escape = (text) => echarts.format.encodeHTML(brief(text));
  const narrow = () => page.clientWidth < 560;

  // The layers of a layout as a tree: groups, layers, what state their bytes are in.
  const treeOf = (layout) => {
    const root = {name: layout.layout, path: '', children: []};
    const find = (parent, name, path) => {
      let child = parent.children.find((one) => one.path === path);
      if (!child) parent.children.push(child = {name, path, children: []});
      return child;
    };
    for (const layer of layout.layers) {
      let at = root;
      const parts = layer.name.split('/');
      parts.forEach((part, i) => { at = find(at, part, parts.slice(0, i + 1).join('/')); });
      at.layer = layer;
      for (const state of STATES) {
        const bytes = layer[state + '_bytes'];
        if (bytes > 0) {
          at.children.push({name: state, path: at.path, state, layer, value: bytes});
        }
      }
    }
    const add = (node) => {
      if (node.state) return node.value;
      node.value = node.children.reduce((total, child) => total + add(child), 0);
      return node.value;
    };
    add(root);
    return root;
  };
  const paint = (node, base) => {
    const hex = node.state ? stateColour(base, node.state) : base;
    const item = {color: hex, borderColor: node.state ? css('--surface') : base};
    if (node.state === 'dead') {
      item.decal = {symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4,
                    color: base};
    }
    return {
      name: node.name, id: node.state ? node.path + '#' + node.state : node.path || '#root',
      value: node.value, path: node.path, state: node.state, layer: node.layer, itemStyle: item,
      label: {color: inkOn(hex)}, upperLabel: {color: inkOn(base)},
      children: node.children && node.children.filter((child) => child.value > 0)
        .map((child) => paint(child, base)),
    };
  };

  // A treemap of one layout. `choose(path)` zooms to a group, a layer or, with '', to all.
  const treemap = (element, layoutNow, onZoom) => {
    let zoomed = '';
    const shownBytes = () => sum(layoutNow().layers.filter((layer) => zoomed === '' ||
      layer.name === zoomed || layer.name.startsWith(zoomed + '/')), 'total_bytes');
    const option = () => {
      const layout = layoutNow();
      const tree = treeOf(layout);
      const small = narrow();
      return {
        aria: {enabled: true, decal: {show: false}},
        textStyle: {fontFamily: font},
        tooltip: tooltip((hit) => {
          const node = hit.data;
          if (!node || node.value === undefined) return '';
          const layer = node.layer;
          let text = '<b>' + escape(node.path || layout.layout) + '</b>';
          const words = LAYER_WORDS.get(node.path);
          if (words) text += ': ' + escape(words);
          if (node.state) text += ' \u00b7 ' + node.state + ': ' + escape(STATE_WORDS[node.state]);
          text += '<br>' + grouped(node.value) + ' bytes, ' + share(node.value, layout.total_bytes);
          if (layer) {
            text += '<br>of ' + grouped(layer.total_bytes) + ' in ' + grouped(layer.count) +
              ' items';
          }
          return text;
        }),
        series: [{
          type: 'treemap', name: layout.layout, roam: false, nodeClick: false, sort: 'desc',
          // None where none is wanted, not one of 0 ms: what is gone stays until that has ended, in
          // the next frame, and would be printed and be met by clicks.
          animation: !printing && !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
          animationDuration: 0, animationDurationUpdate: 300,
          left: 0, right: 0, top: 0, bottom: 34, squareRatio: 1,
          visibleMin: 1, childrenVisibleMin: 1,
          label: {show: true, fontSize: small ? 10 : 12, lineHeight: small ? 13 : 16,
                  overflow: 'truncate', formatter: (hit) => flat(hit.name) + '\n' + size(hit.value)},
          upperLabel: {show: true, height: small ? 18 : 22, fontSize: small ? 10 : 12,
                       overflow: 'truncate',
                       // Half a figure would be read as another: where it is narrow, the name alone.
                       formatter: (hit) => flat(hit.name) +
                         (hit.value < shownBytes() * (small ? 0.2 : 0.06) ? ''
                           : '  ' + size(hit.value))},
          breadcrumb: {show: !printing, left: 'left', bottom: 2, height: 22, emptyItemWidth: 40,
                       itemStyle: {color: css('--surface'), borderColor: css('--line'),
                                   textStyle: {color: css('--ink')}},
                       emphasis: {itemStyle: {color: css('--line'),
                                              textStyle: {color: css('--ink')}}}},
          // A label of two lines that does not fit is none; the tooltip and the table have it.
          labelLayout: (at) => at.text && at.text.includes('\n') &&
            (at.rect.width < (small ? 52 : 64) || at.rect.height < 36) ? {x: -9999, y: -9999} : {},
          itemStyle: {gapWidth: 1, borderWidth: 0},
          levels: [{itemStyle: {gapWidth: 4, borderWidth: 0, borderColor: css('--surface')},
                    upperLabel: {show: false}},
                   {itemStyle: {gapWidth: 2, borderWidth: 2}},
                   {itemStyle: {gapWidth: 1, borderWidth: 2}},
                   {itemStyle: {gapWidth: 1, borderWidth: 0}}],
          data: tree.children.filter((child) => child.value > 0)
            .map((child) => paint(child, colour(child.name))),
        }],
      };
    };
    const entry = draw(element, narrow() ? 320 : 440, option);
    const series = () => entry.chart.getModel().getSeriesByIndex(0);
    const choose = (path) => {
      const root = series().getData().tree.root;
      let target = root;
      root.eachNode('preorder', (node) => {
        const item = node.getModel();
        if (path !== '' && item.get('path') === path && !item.get('state')) target = node;
      });
      // Drawn at once, as setOption does it: else the page says where it is zoomed to a frame
      // before the picture shows it, a click meanwhile meets what is no longer there, and a print
      // has the colours of the screen.
      entry.chart.dispatchAction({type: 'treemapRootToNode', seriesIndex: 0, targetNode: target},
                                 {flush: true});
    };
    const viewed = () => {
      const root = series().getViewRoot();
      return root.parentNode ? root.getModel().get('path') : '';
    };
    entry.chart.on('click', (hit) => {
      if (hit.componentType !== 'series' || !hit.data || hit.data.path === undefined) return;
      // The bytes of one state stand for their layer; a second click leads back.
      choose(hit.data.path === zoomed ? '' : hit.data.path);
    });
    entry.chart.on('treemapRootToNode', () => {
      zoomed = viewed();
      element.dataset.zoom = zoomed;
      if (onZoom) onZoom(zoomed);
    });
    // Said once, so that the path below the picture begins with the whole.
    choose('');
    entry.afterwards = () => choose('');
    return {choose, redraw: () => redraw(entry)};
  };

  // A value axis in round steps of KiB, MiB or GiB, at most so many to its longer side.
  const axisOf = (figures) => (steps) => {
    const high = Math.max(0, ...figures), low = Math.min(0, ...figures);
    const longest = Math.max(high, -low, 1);
    let unit = 1;
    while (longest >= unit * 1024) unit *= 1024;
    let step = unit;
    for (const round of [1 / 8, 1 / 4, 1 / 2, 1, 2, 5, 10, 20, 50, 100, 200, 500]) {
      step = round * unit;
      if (longest / step <= steps) break;
    }
    return {interval: step, max: Math.ceil(high / step) * step,
            min: Math.floor(low / step) * step};
  };
  // Whole steps are said whole: 1.25 MiB is no 1.3.
  const axisText = (x) => {
    const [at, unit] = unitOf(x);
    return (x < 0 ? MINUS : '') + Number(at.toFixed(3)) + ' ' + unit;
  };

  // The name of a bar: left of it, or on a phone above it, where it takes no width from the bars.
  const barName = (small, width) => ({
    color: css('--ink'), overflow: 'truncate', formatter: flat,
    ...(small ? {inside: true, margin: 0, width: 260, verticalAlign: 'bottom',
                 padding: [0, 0, 12, 0], fontSize: 11} : {width}),
  });

  // Bars of parts, one above the other. bars: [{name, words, parts: [{name, bytes, words}]}]. With
  // `shares` each bar is as long as the others and its parts are shares of it.
  const stackedBars = (element, bars, hueOf, {onClick, shares} = {}) => {
    const lengthOf = (bar, bytes) => !shares ? bytes : bar.total > 0 ? 100 * bytes / bar.total : 0;
    const names = [...new Set(bars.flatMap((bar) => bar.parts.map((part) => part.name)))];
    const axis = shares ? () => ({interval: 25, min: sharesBelow(), max: sharesAbove()})
      : axisOf(bars.flatMap((bar) => [bar.total, ...bar.parts.map((p) => p.bytes)]));
    const longest = (sign) => Math.max(0, ...bars.map((bar) => bar.parts.reduce((length, part) =>
      length + Math.max(0, sign * lengthOf(bar, part.bytes)), 0)));
    const sharesBelow = () => -25 * Math.ceil(longest(-1) / 25 - 0.1);
    // A bar that ends at a step, or a little above it, has room to its end and for what carries its
    // figure, which would be cut off else.
    const sharesAbove = () =>
      Math.max(100, 25 * Math.ceil(longest(1) / 25 - 0.1), longest(1) + 0.01);
    // What is far below a step under 0 gets no room: it could not be seen, and the table has it.
    const axisNow = (steps) => {
      const now = axis(steps);
      const low = -longest(-1);
      return -low < now.interval / 4 ? {...now, min: 0} : now;
    };
    element.after(keys(() => {
      const seen = names.filter((name) => bars.some((bar) => bar.parts.some(
        (part) => part.name === name && Math.abs(part.bytes) > bar.total / 200)));
      const hueOfNone = hueOf(null);
      const rest = seen.filter((name) => name !== 'unexplained' && hueOf(name) === hueOfNone);
      return [...seen.filter((name) => !rest.includes(name))
        .map((name) => [flat(name), name === 'unexplained'
          ? hatched(hueOf(name), css('--ink-2')) : hueOf(name)]),
              ...(rest.length > 1 ? [['smaller ones', hueOfNone]]
                : rest.map((name) => [flat(name), hueOfNone]))];
    }));
    const option = () => {
      const small = narrow();
      return {
        animation: false,
        aria: {enabled: true, decal: {show: false}},
        textStyle: {fontFamily: font, color: css('--ink')},
        grid: {left: small ? 12 : 20, right: small ? 66 : 150, top: 6, bottom: 4,
               containLabel: true},
        tooltip: tooltip((hit) => {
          const bar = bars[hit.dataIndex];
          const part = bar.parts.find((one) => one.name === hit.seriesName);
          if (!part) return '';
          return '<b>' + escape(bar.name) + '</b><br>' + escape(part.name) + ': ' +
            grouped(part.bytes) + ' bytes, ' + share(part.bytes, bar.total) +
            (part.words ? '<br>' + escape(part.words) : '');
        }),
        xAxis: {type: 'value', ...axisNow(small ? 2 : 5),
                axisLabel: {color: css('--ink-2'), hideOverlap: true,
                            formatter: shares ? (x) => x % 25 !== 0 ? ''
                              : (x < 0 ? MINUS : '') + Math.abs(x) + '%'
                              : axisText},
                splitLine: {lineStyle: {color: css('--line')}}},
        yAxis: {type: 'category', inverse: true, z: 10, data: bars.map((bar) => bar.name),
                axisTick: {show: false}, axisLine: {lineStyle: {color: css('--line')}},
                triggerEvent: Boolean(onClick),
                axisLabel: barName(small, 180)},
        series: names.map((name, i) => ({
          type: 'bar', name, stack: 'all', barMaxWidth: small ? 14 : 26, barCategoryGap: '35%',
          cursor: onClick ? 'pointer' : 'default',
          itemStyle: Object.assign({color: hueOf(name, i), borderColor: css('--surface'),
                                    borderWidth: 1},
            name === 'unexplained' ? {decal: {symbol: 'rect', dashArrayX: [1, 0],
              dashArrayY: [2, 4], rotation: -Math.PI / 4, color: css('--ink-2')}} : {}),
          data: bars.map((bar) => {
            const part = bar.parts.find((one) => one.name === name);
            return part ? lengthOf(bar, part.bytes) : null;
          }),
        })).concat([{
          // Nothing but the figure behind each bar; above 0, for a 0 would stand on the side of what
          // is below it.
          type: 'bar', name: '', stack: 'all', silent: true, data: bars.map(() => 1e-6),
          label: {show: true, position: 'right', color: css('--ink'), fontSize: small ? 10 : 12,
                  formatter: (hit) => bars[hit.dataIndex].words},
        }]),
      };
    };
    const entry = draw(element, 44 + 40 * bars.length, option);
    if (onClick) {
      entry.chart.on('click', (hit) =>
        onClick(hit.componentType === 'yAxis' ? bars.findIndex((bar) => bar.name === hit.value)
          : hit.dataIndex));
    }
    return entry;
  };

  // ---- layers as a table --------------------------------------------------------------------

  // Groups with their layers below, a group of one layer as a single row.
  const layerRows = (layers) => {
    const groups = new Map();
    for (const layer of layers) {
      const group = groupOf(layer);
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(layer);
    }
    const rows = [];
    const folded = (name, list) => ({name, depth: 0, count: null,
      ...Object.fromEntries([...STATES, 'total'].map(
        (state) => [state + '_bytes', sum(list, state + '_bytes')]))});
    for (const [group, list] of [...groups].sort(
      (a, b) => sum(b[1], 'total_bytes') - sum(a[1], 'total_bytes'))) {
      if (list.length === 1 && list[0].name === group) {
        rows.push({...list[0], depth: 0, leaf: true});
        continue;
      }
      rows.push({...folded(group, list), group: true});
      for (const layer of [...list].sort((a, b) => b.total_bytes - a.total_bytes)) {
        rows.push({...layer, depth: 1, leaf: true});
      }
    }
    rows.push({...folded('all layers', layers), sum: true});
    return rows;
  };
  // What is long breaks into lines instead of pushing the figures out of sight.
  const long = (name) => [...String(name)].length > 40 ? 'breaks' : '';
  const named = (name) => make('span', {class: long(name) || undefined, title: name}, brief(name));
  const namedLayer = (name) => make('span', {class: long(name) || undefined,
                                             title: LAYER_WORDS.get(name) || name}, brief(name));
  const shortName = (row) => row.depth === 1 ? row.name.slice(row.name.indexOf('/') + 1) : row.name;
  const layerTable = (id, layout, pairs, choose) => {
    const rows = layerRows(layout.layers);
    const whole = layout.total_bytes;
    const name = (row) => {
      const indent = 'padding-left:' + row.depth * 1.2 + 'em';
      const shown = brief(shortName(row));
      const breaks = long(shown);
      if (!choose || row.total_bytes === 0) {
        return make('span', {class: breaks || undefined, style: indent,
                             title: LAYER_WORDS.get(row.name)}, shown);
      }
      const button = make('button', {class: 'name ' + breaks, type: 'button', style: indent,
                                     'data-path': row.sum ? '' : row.name,
                                     title: LAYER_WORDS.get(row.name) || 'show in the picture'},
                          shown);
      button.addEventListener('click', () => choose(row.sum ? '' : row.name));
      return button;
    };
    const shown = table(id, [
      {title: 'layer', of: name},
      {title: 'total bytes', of: (row) => grouped(row.total_bytes)},
      {title: 'share', of: (row) => share(row.total_bytes, whole)},
      {title: 'bytes/pair', of: (row) => each(row.total_bytes, pairs)},
      {title: 'used', of: (row) => grouped(row.used_bytes)},
      {title: 'slack', of: (row) => grouped(row.slack_bytes)},
      {title: 'dead', of: (row) => grouped(row.dead_bytes)},
      {title: 'items', of: (row) => row.count === null ? '' : grouped(row.count)},
    ], rows, (row) => row.sum ? 'sum' : row.group ? 'group' : undefined);
    return [shown, glossary(rows.map((row) => row.name), false)];
  };

  // ---- the three kinds of page --------------------------------------------------------------

  const contentWords = (dataset) => [
    counted(dataset.outers, 'outer', 'outers'), counted(dataset.entries, 'entry', 'entries'),
    counted(dataset.records, 'record', 'records'), counted(dataset.pairs, 'pair', 'pairs'),
    ...(isNumber(dataset.distinct_strings) && dataset.distinct_strings > 0
      ? [counted(dataset.distinct_strings, 'distinct string', 'distinct strings'),
         size(dataset.text_bytes) + ' of text'] : []),
  ].join(', ');
  const header = (title, words) => page.append(make('h1', {}, brief(title)), make('p', {}, words));

  // The steps of the process's books, the container first.
  const OF = {cgroup: ['container', 'working_set_bytes'], anon: ['anonymous memory', 'anon_bytes'],
              file: ['file memory', 'file_bytes']};
  const processBars = (process) => ['cgroup', 'anon', 'file'].flatMap((of) => {
    const total = of === 'cgroup' ? process.cgroup && process.cgroup.working_set_bytes
      : process[OF[of][1]];
    if (!isNumber(total)) return [];
    const parts = process.terms.filter((term) => term.of === of)
      .map((term) => ({name: term.name, bytes: term.bytes, words: term.source}));
    const rest = process.unexplained_bytes[of];
    if (isNumber(rest)) parts.push({name: 'unexplained', bytes: rest, words: 'no term names it'});
    return [{name: OF[of][0], of, total, words: size(total), parts}];
  });
  const addProcess = (process) => {
    const bars = processBars(process);
    if (bars.length === 0) return;
    // The parts that are most of a bar have colours of their own.
    const hues = new Map();
    bars.flatMap((bar) => bar.parts.map((part) => [part.name, Math.abs(part.bytes) / bar.total]))
      .filter(([name]) => name !== 'unexplained').sort((a, b) => b[1] - a[1])
      .forEach(([name]) => { if (!hues.has(name)) hues.set(name, hues.size); });
    const hue = (name) => !(hues.get(name) < HUES.light.length)
      ? mix(OTHER[tone()], css('--surface').length === 7 ? css('--surface') : '#ffffff', 0.4)
      : HUES[tone()][hues.get(name)];
    const chart = make('div', {class: 'chart', id: 'process-chart', role: 'img',
                               'aria-label': 'the terms of the process\u2019s memory'});
    const rows = bars.flatMap((bar) => [
      {name: bar.name, bytes: bar.total, source: '', group: true, whole: bar.total},
      ...bar.parts.map((part) => ({name: part.name, bytes: part.bytes, whole: bar.total,
                                   source: part.words, depth: 1})),
    ]);
    page.append(section('The process', 'Resident ' + grouped(process.rss_bytes) + ' bytes' +
      (process.allocator && process.allocator.name ? ', ' + process.allocator.name : '') +
      (process.cgroup && isNumber(process.cgroup.limit_bytes)
        ? ', container limit ' + size(process.cgroup.limit_bytes) : '') +
      '. Each bar is one sum and its parts; what no term explains is shown with its sign.', chart,
      table('process', [
        {title: 'term', of: (row) => make('span', {style: 'padding-left:' +
          (row.depth || 0) * 1.2 + 'em'}, named(row.name))},
        {title: 'bytes', of: (row) => grouped(row.bytes)},
        {title: 'share', of: (row) => share(row.bytes, row.whole)},
        {title: 'source', words: true, of: (row) => row.source},
      ], rows, (row) => row.group ? 'group' : undefined)));
    stackedBars(chart, bars, hue, {shares: true});
  };

  const addOuters = (outers, whole, all) => page.append(section('The largest outers',
    (all > outers.length ? 'The ' + grouped(outers.length) + ' largest of ' + grouped(all) + '. '
      : '') +
    'Its own bytes are those that nothing else names; of strings that others name too it has a ' +
    'share. Deleting it would free the last figure, its own bytes but for the numbers of its ' +
    'strings (keys of its own key lists once the cache is cleaned); cleaning then gives whole ' +
    'segments back, and what it moves may become a little shorter.',
    table('outers', [
      {title: 'outer', of: (row) => named(row.outer)},
      {title: 'entries', of: (row) => grouped(row.entries)},
      {title: 'pairs', of: (row) => grouped(row.pairs)},
      {title: 'its own bytes', of: (row) => grouped(row.exclusive_bytes)},
      {title: 'share', of: (row) => share(row.exclusive_bytes, whole)},
      {title: 'bytes/pair', of: (row) => each(row.exclusive_bytes, row.pairs)},
      {title: 'of shared', of: (row) => grouped(row.shared_bytes)},
      {title: 'freed by delete', of: (row) => grouped(row.freed_bytes)},
    ], outers)));

  const footprintPage = () => {
    const dataset = report.dataset;
    rankColours([report]);
    const whole = report.total_bytes;
    header(report.layout + ' holds ' + brief(dataset.source), contentWords(dataset));
    page.append(tiles([
      [size(whole), 'held, by walking the structure'],
      [each(whole, dataset.pairs), 'bytes a pair'],
      isNumber(report.std_map_bytes) &&
        [ratio(whole, report.std_map_bytes), 'of nested std::map'],
      [share(sum(report.layers, 'used_bytes'), whole), 'used'],
      [share(sum(report.layers, 'slack_bytes'), whole), 'slack'],
      [share(sum(report.layers, 'dead_bytes'), whole), 'dead'],
      report.empty_bytes >= 0.01 * whole && report.empty_bytes > 0 &&
        [size(report.empty_bytes), 'of that held however little there is'],
      report.memory_limit_bytes > 0 &&
        [share(whole, report.memory_limit_bytes), 'of its limit of ' +
          size(report.memory_limit_bytes)],
      report.oldest_guard_seconds > 0 &&
        [fixed(report.oldest_guard_seconds, 2) + ' s', 'the oldest guard has been open'],
      report.process && report.process.rss_bytes > 0 &&
        [size(report.process.rss_bytes), 'resident, the whole process'],
    ]));
    const chart = make('div', {class: 'chart', id: 'treemap', role: 'img',
                               'aria-label': 'layers by bytes; the table below has the figures'});
    let map;
    const mark = (path) => document.querySelectorAll('#layers button.name').forEach((button) =>
      button.setAttribute('aria-pressed', String(button.dataset.path === path)));
    page.append(section('Where the bytes are', 'An area is its bytes. Click to zoom into a layer, ' +
      'click again or on the path below the picture to go back.', chart, stateKeys(),
      ...layerTable('layers', report, dataset.pairs, (path) => map.choose(path)),
      make('p', {}, whole === report.allocated_bytes
        ? grouped(whole) + ' bytes walked = counted at the door to memory'
        : grouped(whole) + ' bytes walked, BUT ' + grouped(report.allocated_bytes) +
          ' counted at the door: the books are wrong')));
    map = treemap(chart, () => report, mark);
    if (report.outers) addOuters(report.outers, whole, dataset.outers);
    if (report.process) addProcess(report.process);
  };

  const comparePage = () => {
    const {dataset, layouts} = report;
    rankColours(layouts);
    const reference = layouts.find((layout) => layout.layout === 'std_map');
    header(brief(dataset.source) + ' in ' + counted(layouts.length, 'layout', 'layouts'),
           contentWords(dataset));
    const bars = layouts.map((layout) => {
      const groups = new Map();
      for (const layer of layout.layers) {
        groups.set(groupOf(layer), (groups.get(groupOf(layer)) || 0) + layer.total_bytes);
      }
      return {name: layout.layout, total: layout.total_bytes,
              words: size(layout.total_bytes) +
                (narrow() ? '' : ' \u00b7 ' + each(layout.total_bytes, dataset.pairs) + ' a pair'),
              parts: [...groups].sort((a, b) => b[1] - a[1])
                .map(([name, bytes]) => ({name, bytes}))};
    });
    const chart = make('div', {class: 'chart', id: 'bars', role: 'img',
                               'aria-label': 'layouts side by side; the table has the figures'});
    const tableOf = table('layouts', [
      {title: 'layout', of: (layout) => {
        const button = make('button', {class: 'name', type: 'button',
                                       'data-layout': layout.layout}, layout.layout);
        button.addEventListener('click', () => show(layouts.indexOf(layout)));
        return button;
      }},
      {title: 'total bytes', of: (layout) => grouped(layout.total_bytes)},
      {title: 'bytes/pair', of: (layout) => each(layout.total_bytes, dataset.pairs)},
      {title: 'of std_map', of: (layout) =>
        ratio(layout.total_bytes, reference && reference.total_bytes)},
      {title: 'RSS grew', of: (layout) => grouped(layout.rss_delta_bytes)},
      {title: 'peak RSS', of: (layout) => grouped(layout.peak_rss_bytes)},
      {title: 'load s', of: (layout) => fixed(layout.load_seconds, 2)},
      {title: 'lookup ns', of: (layout) => fixed(layout.lookup_ns, 0)},
      {title: 'batch ns', of: (layout) => fixed(layout.lookup_batch_ns, 0)},
      {title: 'scan ns/pair', of: (layout) => fixed(layout.scan_ns_per_pair, 1)},
    ], layouts);
    page.append(section('The layouts', 'The same data in each, by groups of layers. ' +
                        'Click a layout to look into it.', chart, tableOf));
    let shown = layouts.reduce((best, layout, i) =>
      layout.total_bytes < layouts[best].total_bytes ? i : best, 0);
    const mapElement = make('div', {class: 'chart', id: 'treemap', role: 'img',
                                    'aria-label': 'layers of one layout by bytes'});
    const title = make('h2', {id: 'shown'}, '');
    const mapSection = make('section', {}, title, make('p', {}, 'An area is its bytes. Click to ' +
      'zoom into a layer, click again or on the path below the picture to go back.'),
      mapElement, stateKeys());
    page.append(mapSection);
    const map = treemap(mapElement, () => layouts[shown]);
    const show = (i) => {
      if (i < 0 || i >= layouts.length) return;
      shown = i;
      title.textContent = 'Inside ' + layouts[i].layout;
      tableOf.querySelectorAll('button.name').forEach((button) =>
        button.setAttribute('aria-pressed', String(button.dataset.layout === layouts[i].layout)));
      map.redraw();
    };
    stackedBars(chart, bars, (name) => colour(name), {onClick: show});
    show(shown);
    for (const layout of layouts) {
      const part = section(layout.layout, layout.allocator,
                           ...layerTable('layers-' + layout.layout, layout, dataset.pairs));
      part.className = 'long';
      page.append(part);
    }
  };

  const diffPage = () => {
    const {a, b, layers} = report;
    const change = report.total_bytes.change;
    header('From ' + a.file + ' to ' + b.file,
           a.layout + ' ' + grouped(a.total_bytes) + ' bytes, then ' + b.layout + ' ' +
           grouped(b.total_bytes));
    page.append(tiles([
      [(change > 0 ? '+' : '') + size(change), 'changed'],
      [a.total_bytes > 0 ? (change > 0 ? '+' : '') + share(change, a.total_bytes) : NONE,
       'of what it was'],
      [size(a.total_bytes), 'before'],
      [size(b.total_bytes), 'after'],
      [each(a.total_bytes, a.pairs) + ' \u2192 ' + each(b.total_bytes, b.pairs), 'bytes a pair'],
    ]));
    const chart = make('div', {class: 'chart', id: 'changes', role: 'img',
                               'aria-label': 'change of each layer; the table has the figures'});
    const row = (layer, sums) => ({...layer, sum: sums});
    const rows = layers.map((layer) => row(layer, false));
    rows.push(row({name: 'all layers', ...report}, true));
    const direction = (bytes) => bytes > 0 ? 'more' : bytes < 0 ? 'less' : undefined;
    const delta = (title, field) => ({title, of: (one) => signed(one[field].change),
                                      class: (one) => direction(one[field].change)});
    page.append(section('What changed', 'By layer, the largest change first.', chart,
      table('layers', [
        {title: 'layer', of: (one) => namedLayer(one.name)},
        {title: 'before', of: (one) => grouped(one.total_bytes.a)},
        {title: 'after', of: (one) => grouped(one.total_bytes.b)},
        delta('change', 'total_bytes'), delta('used', 'used_bytes'),
        delta('slack', 'slack_bytes'), delta('dead', 'dead_bytes'),
        {title: 'items', of: (one) => one.count ? signed(one.count.change) : ''},
      ], rows, (one) => one.sum ? 'sum' : undefined),
      glossary(rows.map((one) => one.name), true)));
    const moved = layers.filter((layer) => layer.total_bytes.change !== 0);
    const axis = axisOf(moved.map((layer) => layer.total_bytes.change));
    draw(chart, 60 + (narrow() ? 36 : 26) * moved.length, () => ({
      animation: false, aria: {enabled: true},
      textStyle: {fontFamily: font, color: css('--ink')},
      grid: {left: narrow() ? (moved.some((layer) => layer.total_bytes.change < 0) ? 34 : 12) : 20,
             right: narrow() ? 60 : 90, top: 6, bottom: 4, containLabel: true},
      tooltip: tooltip((hit) => '<b>' + escape(moved[hit.dataIndex].name) + '</b><br>' +
        signed(moved[hit.dataIndex].total_bytes.change) + ' bytes'),
      xAxis: {type: 'value', ...axis(narrow() ? 2 : 5),
              axisLabel: {color: css('--ink-2'), hideOverlap: true, formatter: axisText},
              splitLine: {lineStyle: {color: css('--line')}}},
      yAxis: {type: 'category', inverse: true, z: 10, data: moved.map((layer) => layer.name),
              axisTick: {show: false}, axisLine: {onZero: false,
                                                  lineStyle: {color: css('--line')}},
              axisLabel: barName(narrow(), 200)},
      series: [{type: 'bar', barMaxWidth: narrow() ? 12 : 18, data: moved.map((layer) => ({
        value: layer.total_bytes.change,
        itemStyle: {color: css(layer.total_bytes.change > 0 ? '--bad' : '--good')},
        label: {show: true, color: css('--ink'), fontSize: narrow() ? 10 : 12,
                position: layer.total_bytes.change > 0 ? 'right' : 'left',
                formatter: () => (layer.total_bytes.change > 0 ? '+' : '') +
                  size(layer.total_bytes.change)}}))}],
    }));
  };

  page.textContent = '';
  ({footprint: footprintPage, compare: comparePage, diff: diffPage})[data.kind]();
  page.append(make('footer', {}, 'Written by strata; pictures by Apache ECharts. ' +
    'MiB are 1,048,576 bytes. The page needs no network.'));
  document.documentElement.dataset.ready = 'true';

  window.addEventListener('resize', () => charts.forEach((entry) => {
    entry.chart.resize();
    redraw(entry);
  }));
  darkQuery.addEventListener('change', recolour);
  window.addEventListener('beforeprint', () => { printing = true; recolour(); });
  window.addEventListener('afterprint', () => { printing = false; recolour(); });
})();
