// The Compare tab: a click, and a panel for each method, all from one answer of the server.
(() => {
  const { make, svg, ask, newest, complain } = scenepose;

  class Compare {
    constructor(element, config, server, upload) {
      this.config = config;
      this.server = server;
      this.answer = null;
      this.tab = new scenepose.Tab(element, {
        prefix: 'sp-compare-', label: 'The scene to compare in. Click a place; or move with the arrow keys and press Enter.',
        go: 'Compare', scenes: [], server, upload,
        on: { picture: (picture, point) => this.begin(picture, point), click: (x, y) => this.compare(x, y) },
      });
      this.stage = this.tab.stage;
      this.newest = newest((asked) => this.request(asked));
      this.layout(element);
      this.first();
    }

    layout(element) {
      const { tab, config } = this;
      this.switches = config.methods.map(({ name, title }) => {
        const input = make('input', { type: 'checkbox', value: name, checked: true, onchange: () => this.again() });
        return { name, input, root: make('label', {}, input, title) };
      });
      this.seed = make('input', { inputmode: 'numeric', value: 0, onchange: () => this.again() });
      this.panels = make('div', { id: 'sp-panels', class: 'sp-panels sp-wide' });
      const about = make('details', { class: 'sp-about-methods' }, make('summary', {}, 'What is compared'),
        make('p', {}, 'All read the same features of the picture; only the idea differs. A time is from these features to '
          + 'the pose. PCK is the share of keypoints within a fifth of the torso of the true ones; where many poses fit, a '
          + 'good pose can score low. VAE, PlaceNet and GracoNet draw samples: another seed, another pose.'),
        make('ul', {}, ...config.about.map(({ title, text }) => make('li', {}, make('strong', {}, title),
          `: ${text.charAt(0).toUpperCase()}${text.slice(1)}.`))));
      const missing = config.missing.length ? make('p', { class: 'sp-note', id: 'sp-missing' },
        `Not shown, because no weights are bundled: ${config.missing.join(', ')}.`) : null;
      element.append(
        make('div', { class: 'sp-left' }, tab.stage.root, make('div', { class: 'sp-switches' }, tab.status, tab.stage.full)),
        make('div', { class: 'sp-right' }, tab.upload,
          make('fieldset', { class: 'sp-methods', id: 'sp-compare-methods' }, make('legend', {}, 'Methods'),
            ...this.switches.map(({ root }) => root)),
          make('div', { class: 'sp-exact' },
            make('label', { class: 'sp-field', id: 'sp-compare-seed' }, make('span', {}, 'Seed of the random methods'), this.seed),
            make('button', { type: 'button', class: 'sp-button', id: 'sp-compare-again', onclick: () => this.drawAgain() }, 'Draw again')),
          tab.fields),
        this.panels,
        make('div', { class: 'sp-wide sp-after' }, make('div', {}, missing, about),
          make('button', { type: 'button', class: 'sp-button sp-small', id: 'sp-compare-png', onclick: () => this.save() },
            'Download the comparison')),
        tab.gallery);
      tab.gallery.classList.add('sp-wide');
    }

    async first() {
      const listed = await ask(this.server.scenes, {});
      if (!listed) return;
      this.tab.list(listed.scenes);
      const asked = new URLSearchParams(location.search);
      const named = asked.has('compare') && listed.scenes.find(({ link }) => link === asked.get('compare'));
      if (asked.has('compare') && !named) complain(`There is no scene called “${asked.get('compare').slice(0, 40)}”; here is another.`);
      if (named && /^\d{1,10}$/.test(asked.get('seed') || '')) this.seed.value = asked.get('seed');
      const [x, y] = ['x', 'y'].map((name) => Number(asked.get(name) || NaN));
      const point = named && x >= 0 && y >= 0 && x <= named.width && y <= named.height ? [x, y] : undefined;
      const scene = named || listed.scenes[0];
      if (scene) this.tab.open(scene, point); else this.tab.say('Load a photo of your own to begin.');
    }

    begin(picture, point) {
      this.answer = null;
      this.panels.replaceChildren();
      const { unit } = this.stage, { ink, white } = scenepose.looks;
      this.stage.layers.map.replaceChildren(...(picture.known || []).flatMap(([cx, cy]) => [ink, white].map((stroke, n) =>
        svg('circle', { class: 'sp-known', cx, cy, r: 1.3 * unit, fill: 'none', stroke, 'stroke-width': (n ? 0.5 : 0.9) * unit }))));
      if (point) this.compare(...point);
      else this.tab.say(`${picture.name}, ${picture.width} × ${picture.height} pixels. Now click where somebody should be.`);
    }

    get chosen() { return this.switches.filter(({ input }) => input.checked).map(({ name }) => name); }

    asked(x, y) {
      const seed = Number(this.seed.value);
      if (!Number.isInteger(seed) || seed < 0 || this.seed.value.trim() === '') {
        complain(`A seed is a whole number from 0, not ${this.seed.value.trim() ? `“${this.seed.value}”` : 'an empty field'}.`);
        return null;
      }
      if (!this.chosen.length) {
        complain('Switch on at least one method.');
        return null;
      }
      return { picture: this.stage.picture.picture, x, y, methods: this.chosen, seed };
    }

    compare(x, y) {
      const asked = this.asked(x, y);
      if (!asked) return;
      this.tab.say('Comparing …');
      this.panels.classList.add('sp-waiting');
      if (!this.answer) {
        const shape = `${Math.min(this.stage.picture.width, 4 / 3 * this.stage.picture.height)}/${this.stage.picture.height}`;
        this.panels.replaceChildren(...this.switches.filter(({ input }) => input.checked).map(({ name, root }) => {
          const wait = make('div', { class: 'sp-wait' });
          wait.style.aspectRatio = shape;
          return make('figure', { class: 'sp-panel', 'data-method': name, 'data-state': 'waiting' },
            make('figcaption', {}, make('strong', {}, root.textContent), make('span', {}, '…')), wait);
        }));
      }
      this.newest(asked);
    }
    again() { if (this.answer) this.compare(...this.answer.point); }
    drawAgain() {
      this.seed.value = (Number.isInteger(Number(this.seed.value)) ? Number(this.seed.value) : 0) + 1;
      this.again();
    }

    async request(asked) {
      const { picture } = this.stage;
      const answer = await ask(this.server.compare, asked);
      this.panels.classList.remove('sp-waiting');
      if (this.stage.picture !== picture || asked.picture !== picture.picture) return;
      if (!answer) {
        if (!this.answer) this.panels.replaceChildren();
        return this.tab.say('');
      }
      this.answer = answer;
      this.request_ = asked;
      this.tab.setFields(answer.point);
      this.stage.start = answer.point;
      this.stage.layers.marks.replaceChildren(scenepose.target(answer.point, this.stage.unit));
      this.panels.replaceChildren(...answer.methods.map((row) => this.panel(row, answer)));
      const truth = answer.methods.some(({ method }) => method === 'truth');
      const count = answer.methods.length - truth;
      const [x, y] = answer.point.map(Math.round);
      const link = picture.link && `?compare=${encodeURIComponent(picture.link)}&x=${x}&y=${y}&seed=${asked.seed}`;
      this.tab.say(`${count} method${count === 1 ? '' : 's'} at (${x}, ${y}), compared in ${Math.round(answer.milliseconds)} ms.`
        + (picture.known && !truth ? ' Click one of the rings to see a true pose, too.' : ''), link);
    }

    panel(row, answer) {
      const { width, height, file } = this.stage.picture, [left, top, right, bottom] = answer.frame;
      const pose = row.poses[0];
      const content = row.error ? make('p', { class: 'sp-failed', role: 'alert' }, row.error)
        : svg('svg', { class: 'sp-panel-picture', viewBox: `${left} ${top} ${right - left} ${bottom - top}`, role: 'img',
          'aria-label': `${row.title}: a person in the scene` },
        svg('image', { href: scenepose.fileAddress(file), width, height, preserveAspectRatio: 'none' }),
        scenepose.figure(pose.keypoints, row.colour, scenepose.style(0), this.stage.unit, { class: 'sp-person', 'data-rank': 0 }),
        scenepose.target(answer.point, this.stage.unit));
      const keep = pose && row.method !== 'truth' ? make('button', { type: 'button', class: 'sp-button sp-small sp-keep',
        onclick: () => this.keep(row, pose) }, 'Keep') : null;
      const figure = make('figure', { class: 'sp-panel', 'data-method': row.method, 'data-state': row.error ? 'failed' : 'done' },
        make('figcaption', {}, make('strong', {}, row.title), make('span', {}, row.error ? '' : row.note)), content, keep);
      figure.style.setProperty('--colour', row.colour);
      return figure;
    }

    // A method's answer joins the people of the same picture in the Generate tab, to adjust and to take along.
    async keep(row, pose) {
      if (!scenepose.keepPose) return;
      document.querySelector('#sp-tabs button[role=tab]')?.click();
      await scenepose.keepPose(this.stage.picture, { ...pose, colour: row.colour, onColour: row.onColour,
        template_name: pose.template_name || row.title, method: row.method });
    }

    async save() {
      if (!this.answer) return complain('There is nothing to download yet: click a place in the picture first.');
      const file = await ask(this.server.picture, this.request_);
      if (file) scenepose.download(file);
    }
  }

  scenepose.compare = (element, config, server, upload) => {
    scenepose.looks = config.looks;
    return new Compare(element, config, server, upload);
  };
})();
