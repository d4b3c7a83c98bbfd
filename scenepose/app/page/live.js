// What the Generate tab shows without asking again: the ghost under the pointer, the map of where people fit,
// and the good places. All come from a grid of answers, which the server works out once for every picture,
// kind of people, and way of clicking.
(() => {
  const { make, svg, percent } = scenepose;
  const COLOURS = [[27, 12, 65], [120, 28, 109], [207, 68, 70], [251, 155, 6], [252, 255, 164]];
  const GOOD = 0.6, APART = 0.22; // a good place's score; how far apart two are, picture heights
  const REST = 150; // milliseconds that a pointer rests before its place is asked for
  const QUIET = 8; // pixels of the screen around a click within which no ghost covers the answer

  scenepose.Live = class {
    constructor(tab) {
      this.tab = tab; // the Generate tab: its picture, kind, near and last answer
      this.grids = new Map();
      this.quiet = null;
      this.resting = 0;
      this.moves = 0;
      this.legend = make('div', { class: 'sp-legend', hidden: true });
      this.tag = make('div', { class: 'sp-tag', hidden: true, 'aria-hidden': 'true' });
      tab.stage.frame.append(this.tag);
    }

    get key() { return [this.tab.picture?.picture, this.tab.near, this.tab.kind].join(); }
    get grid() { return this.grids.get(this.key); }

    async fetch() {
      const { picture, kind, near, server } = this.tab, { key } = this;
      if (!picture || this.grids.has(key)) return;
      this.grids.set(key, null);
      let grid = null;
      do {
        try {
          grid = await server.grid({ picture: picture.picture, near, kinds: kind === null ? null : [kind] });
        } catch { grid = null; }
      } while (grid?.waiting && this.tab.picture === picture); // who has gone on does not wait
      if (grid?.scores) this.grids.set(key, grid); else this.grids.delete(key);
      if (grid?.scores && key === this.key) {
        this.draw();
        this.tab.drawHardly();
      }
    }

    middle(cell) {
      const { width, height } = this.tab.picture, { columns, rows } = this.grid;
      return [(cell % columns + 0.5) * width / columns, (Math.floor(cell / columns) + 0.5) * height / rows];
    }

    // After a click the ghost would only cover the answer, until the pointer moves on.
    quieten(point) {
      this.quiet = point;
      this.hover(null);
    }

    // Who fits at a place, best first: those last who would be where somebody is kept, as after a click.
    ranked(cell, x, y, most = this.grid.most) {
      const { grid } = this, [left, top] = this.middle(cell), { others } = this.tab;
      const found = [];
      for (let entry = cell * grid.most; entry < cell * grid.most + most; entry++) {
        const pose = grid.which[entry], flat = grid.poses[pose], keypoints = [];
        const right = x - left + grid.shifts[2 * entry], down = y - top + grid.shifts[2 * entry + 1];
        for (let n = 0; n < flat.length; n += 2) keypoints.push([flat[n] + right, flat[n + 1] + down]);
        const score = grid.scores[entry] / 1000;
        found.push({ keypoints, score, template: grid.templates[pose],
          left: others.length ? score * (1 - scenepose.overlap(keypoints, others)) : score });
      }
      return found.sort((one, other) => other.left - one.left);
    }

    // The ghost of who fits at a place: the answer of the nearest one that is known, moved to the pointer.
    hover(x, y) {
      const { grid, tab } = this, { stage } = tab, layer = stage.layers.ghost;
      this.tag.hidden = true;
      layer.replaceChildren();
      clearTimeout(this.resting);
      const moves = ++this.moves;
      if (x === null || x === undefined || !grid) return;
      if (this.quiet && Math.hypot(x - this.quiet[0], y - this.quiet[1]) < QUIET * stage.pixel) return;
      this.quiet = null;
      const { width, height } = tab.picture;
      const column = Math.min(grid.columns - 1, Math.floor(x / width * grid.columns));
      const cell = Math.min(grid.rows - 1, Math.floor(y / height * grid.rows)) * grid.columns + column;
      this.show(this.ranked(cell, x, y)[0], x, y);
      // Where the pointer rests the very answer of a click there takes its place, and the click need not wait.
      this.resting = setTimeout(async () => {
        await tab.peeked?.answer; // one at a time
        if (moves !== this.moves) return;
        const answer = await tab.peek(tab.picture, [x, y], tab.near);
        if (answer && moves === this.moves) this.show(tab.ranked(tab.kind, answer)[0].pose, x, y, true);
      }, REST);
    }

    // `sure`: it is the answer of a click, and not what the grid says of it.
    show({ keypoints, score, template: number }, x, y, sure = false) {
      const { tab } = this, { stage } = tab, { width, height } = tab.picture;
      const template = tab.model?.templates[number], poor = score < tab.config.fits;
      stage.layers.ghost.replaceChildren(scenepose.figure(keypoints, template?.colour || scenepose.looks.white, { width: 0.9, opacity: 1 }, stage.unit,
        { class: `sp-ghost${poor ? ' sp-poor' : ''}`, 'data-score': score, 'data-template': number, 'data-sure': sure }));
      const { top } = scenepose.box(keypoints);
      this.tag.textContent = poor ? `hardly ${tab.who}, ${percent(score)} %` : `${tab.config.doing[template?.kind] || 'Somebody'} ${percent(score)} %`;
      this.tag.style.left = `${Math.min(Math.max(100 * x / width, 12), 88)}%`;
      this.tag.style.top = `${Math.min(Math.max(100 * top / height, 9), 100)}%`;
      this.tag.hidden = false;
    }

    draw() {
      const { grid, tab } = this, on = tab.map.input.checked;
      this.hover(null);
      this.legend.hidden = !on;
      if (on) {
        this.legend.replaceChildren(...(grid
          ? [`Where ${tab.who} fits:`, '0 %', make('i'), '100 %'].map((one) => (typeof one === 'string' ? make('span', {}, one) : one))
          : ['Working out where people fit …']));
      }
      tab.stage.layers.map.replaceChildren(...(on && grid && tab.picture ? [this.painted(grid)] : []));
      this.drawMarks(tab.answer && !tab.fits ? this.nearest() : null);
      if (!grid) this.fetch();
    }

    painted(grid) {
      const canvas = make('canvas', { width: grid.columns, height: grid.rows });
      const pen = canvas.getContext('2d'), pixels = pen.createImageData(grid.columns, grid.rows);
      this.cells.forEach(({ score }, cell) => {
        const at = Math.min(score, 0.9999) * (COLOURS.length - 1), low = Math.floor(at);
        COLOURS[low].forEach((part, n) => { pixels.data[4 * cell + n] = part + (COLOURS[low + 1][n] - part) * (at - low); });
        pixels.data[4 * cell + 3] = 255;
      });
      pen.putImageData(pixels, 0, 0);
      const { width, height } = this.tab.picture;
      return svg('image', { class: 'sp-map', href: canvas.toDataURL(), width, height, preserveAspectRatio: 'none' });
    }

    get cells() {
      const { columns, rows, most, scores } = this.grid;
      return Array.from({ length: columns * rows }, (_, cell) => ({ cell, at: this.middle(cell), score: scores[cell * most] / 1000 }));
    }
    // The same where somebody is kept already: whoever is best there would be in the way.
    get free() {
      if (!this.tab.others.length) return this.cells;
      return this.cells.map(({ cell, at, score }) => ({ at, score: score < this.tab.config.fits ? score : this.ranked(cell, ...at, 1)[0].left }));
    }

    // The best places, apart from each other.
    places(most = 3) {
      const found = [], apart = APART * this.tab.picture.height;
      for (const place of this.free.sort((a, b) => b.score - a.score)) {
        if (found.length === most || place.score < this.tab.config.fits) break;
        if (found.every(({ at }) => Math.hypot(at[0] - place.at[0], at[1] - place.at[1]) >= apart)) found.push(place);
      }
      return found;
    }

    // Where somebody fits well that is nearest to the last click; where nobody does, the best there is.
    nearest() {
      if (!this.grid || !this.tab.answer) return null;
      const cells = this.free, best = Math.max(...cells.map(({ score }) => score));
      if (best < this.tab.config.fits) return null;
      const [x, y] = this.tab.answer.point, far = ({ at }) => Math.hypot(at[0] - x, at[1] - y);
      return cells.filter(({ score }) => score >= Math.min(GOOD, best)).sort((a, b) => far(a) - far(b))[0];
    }

    drawMarks(nearest) {
      const { tab } = this;
      if (!tab.picture) return;
      const { unit } = tab.stage, good = tab.good.input.checked && this.grid ? this.places() : [];
      const mark = ({ at: [x, y], score }, text, label, more = '') => {
        const go = (event) => {
          event.stopPropagation();
          event.preventDefault();
          tab.click(x, y);
        };
        return svg('g', { class: `sp-good${more}`, tabindex: 0, role: 'button', 'aria-label': `${label}: ${percent(score)} %`,
          'data-score': score, onclick: go, onkeydown: (event) => { if (event.key === 'Enter' || event.key === ' ') go(event); } },
        svg('circle', { class: 'sp-halo', cx: x, cy: y, r: 4.1 * unit, 'stroke-width': 1.2 * unit }),
        svg('circle', { class: 'sp-ring', cx: x, cy: y, r: 4.1 * unit, 'stroke-width': 0.7 * unit }),
        svg('text', { x, y, 'font-size': 3 * unit, 'stroke-width': 0.6 * unit, 'text-anchor': 'middle', 'dominant-baseline': 'central' }, text));
      };
      tab.stage.layers.marks.replaceChildren(...good.map((place, n) => mark(place, n + 1, `Good place ${n + 1}`)),
        ...(nearest ? [mark(nearest, '★', 'The nearest good place', ' sp-nearest')] : []));
    }
  };
})();
