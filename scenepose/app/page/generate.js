// The Generate tab: a click asks the server who fits there; everything else happens in the browser.
(() => {
  const { make, ask, newest, complain, percent } = scenepose;
  const FORMATS = [
    ['png', 'Picture with people (PNG)'], ['svg', 'Picture with people (SVG)'], ['pose', 'Pose picture for image generators'],
    ['openpose', 'OpenPose JSON'], ['coco', 'COCO keypoints'], ['json', 'ScenePose JSON, to open here again'],
  ];
  const SIZES = [['photo', 'at the photo’s size'], ['512', '512 pixels'], ['768', '768 pixels'], ['1024', '1024 pixels']];

  const remembered = (name) => { try { return localStorage.getItem(`scenepose-${name}`); } catch { return null; } };
  const remember = (name, value) => { try { localStorage.setItem(`scenepose-${name}`, value); } catch { /* not allowed */ } };

  class Generate {
    constructor(element, config, server, upload) {
      this.config = config;
      this.server = server;
      this.answer = null; // what the server said of the last click, everybody in it
      this.chosen = null; // {template} of the answer, or {id} of somebody who is kept
      this.kind = null; // of whom the answers are; null: anybody
      this.count = config.shown;
      this.exact = remembered('exact') === 'yes';
      this.open = false; // whether "Why this pose?" is
      this.people = new scenepose.People(() => this.draw());
      this.tab = new scenepose.Tab(element, {
        prefix: 'sp-', label: 'The scene. Click a place; or move with the arrow keys and press Enter.', go: 'Generate',
        scenes: config.scenes, server, upload,
        on: {
          picture: (picture, point) => this.begin(picture, point), click: (x, y) => this.click(x, y),
          hover: (x, y) => this.live.hover(x, y), json: (file) => this.bring(file),
        },
      });
      this.stage = this.tab.stage;
      this.live = new scenepose.Live(this);
      this.clicked = newest((picture, point, near) => this.request(picture, point, near));
      this.layout(element);
      scenepose.keepPose = (picture, pose) => this.bringPose(picture, pose);
      this.first();
    }

    get near() { return this.exact ? 0 : this.config.about; }
    get picture() { return this.stage.picture; }

    layout(element) {
      const { tab } = this;
      this.chips = make('div', { class: 'sp-chips', id: 'sp-chips', role: 'group', 'aria-label': 'Who' });
      const toggle = (id, text, title, change) => {
        const input = make('input', { type: 'checkbox', id, onchange: () => change(input.checked) });
        return { input, root: make('label', { title }, input, text) };
      };
      this.map = toggle('sp-map', 'Where do people fit?', 'Lay a map of the scores over the picture', () => this.live.draw());
      this.good = toggle('sp-good', 'Good places', 'Mark the three best places', () => this.live.draw());
      this.exactly = toggle('sp-exactly', 'Exactly here', 'The middle of the body comes exactly where you click; '
        + 'otherwise people touch what is under the click', (on) => this.setExact(on));
      this.exactly.input.checked = this.exact;
      this.hardly = make('div', { class: 'sp-hardly', id: 'sp-hardly', role: 'status', hidden: true });
      const range = make('input', { type: 'range', min: 1, max: this.config.most, value: this.count,
        'aria-label': 'People to show', oninput: () => this.setCount(range.value) });
      const number = make('input', { type: 'number', min: 1, max: this.config.most, value: this.count,
        'aria-label': 'People to show, as a number', onchange: () => this.setCount(number.value) });
      this.countFields = [range, number];
      this.cards = make('ol', { class: 'sp-cards', id: 'sp-cards' });
      this.hint = make('div', { class: 'sp-hint' },
        'Click anywhere in the picture. The people who fit there appear in it, and here is what they are like.');
      this.lines = make('ol', { class: 'sp-people', id: 'sp-people' });
      this.scene = make('section', { class: 'sp-box', hidden: true, 'aria-label': 'People in the scene' },
        make('div', { class: 'sp-head' }, make('h2', {}, 'In the scene')), this.lines, this.tools(),
        make('p', { class: 'sp-note' }, 'Click another place to add somebody. Drag the joints of whoever is selected.'));
      const choice = (id, label, options, change) => make('select', { id, 'aria-label': label, onchange: change },
        ...options.map(([value, text]) => make('option', { value }, text)));
      this.size = choice('sp-size', 'Size of the pose picture', SIZES);
      this.size.hidden = true;
      this.format = choice('sp-format', 'Format', FORMATS, () => { this.size.hidden = this.format.value !== 'pose'; });
      this.take = make('section', { class: 'sp-take', 'aria-label': 'Take along' }, this.format, this.size,
        make('button', { type: 'button', class: 'sp-button', id: 'sp-download', onclick: () => this.save(this.format.value) }, 'Download'));
      element.append(
        make('div', { class: 'sp-left' }, this.chips, this.stage.root,
          make('div', { class: 'sp-switches' }, this.map.root, this.good.root, this.exactly.root, this.stage.full),
          this.live.legend, tab.status),
        make('div', { class: 'sp-right' }, tab.upload, this.hardly,
          make('div', { class: 'sp-head' }, make('h2', {}, 'Who fits here'),
            make('div', { class: 'sp-count', id: 'sp-count' }, 'Show', range, number)),
          this.hint, this.cards, make('p', { class: 'sp-note' }, 'A person’s left arm and leg are the lighter ones.'),
          this.scene, this.take, tab.fields),
        tab.gallery);
      this.drawChips();
    }

    tools() {
      const small = scenepose.smallButton;
      const chosen = (work) => () => { if (this.person) work(this.person.id); };
      const { people } = this;
      const whole = (place, mirror) => chosen((id) => people.transform(id, place, this.picture.height, mirror));
      const grow = (factor) => (joint, middle) => joint.map((at, n) => middle[n] + (at - middle[n]) * factor);
      const turn = (degrees) => (joint, middle) => scenepose.turned(joint, middle, degrees * Math.PI / 180);
      this.undo = small('Undo', 'Undo (Ctrl Z)', () => people.undo(), { id: 'sp-undo' });
      this.redo = small('Redo', 'Redo (Ctrl Shift Z)', () => people.redo(), { id: 'sp-redo' });
      this.ofOne = [
        small('⇋', 'Mirror', whole(([x, y], middle) => [2 * middle[0] - x, y], true), { id: 'sp-mirror' }),
        small('−', 'Smaller', whole(grow(1 / 1.05)), { id: 'sp-smaller' }),
        small('+', 'Larger', whole(grow(1.05)), { id: 'sp-larger' }),
        small('⟲', 'Turn left', whole(turn(-3)), { id: 'sp-left' }),
        small('⟳', 'Turn right', whole(turn(3)), { id: 'sp-right' }),
        small('Reset', 'Back to the model’s pose', chosen((id) => people.reset(id)), { id: 'sp-reset' }),
      ];
      document.addEventListener('keydown', (event) => {
        if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
        if (event.target.matches('input:not([type=checkbox], [type=range]), textarea, select') || !this.scene.checkVisibility()) return;
        event.preventDefault();
        if (event.shiftKey) people.redo(); else people.undo();
      });
      return make('div', { class: 'sp-edit', role: 'group', 'aria-label': 'Adjust' }, this.undo, this.redo, ...this.ofOne);
    }

    // What a visitor sees first: the scene and point of the link, or the first scene's starting point.
    async first() {
      const asked = new URLSearchParams(location.search), { scenes } = this.config;
      if (asked.has('study')) return; // a rater's link: that visitor sees another tab
      if (!scenes.length) return this.tab.say('Load a photo of your own to begin.');
      let scene = scenes[0], point;
      if (asked.has('scene')) {
        const named = scenes.find(({ link }) => link === asked.get('scene'));
        if (named) scene = named;
        else complain(`There is no scene called “${asked.get('scene').slice(0, 40)}”; here is another.`);
        if (named && asked.has('x') && asked.has('y')) point = this.pointOf(scene, asked.get('x'), asked.get('y'));
      }
      await this.tab.open(scene, point);
      this.model = await ask(this.server.model, {});
      if (this.model) this.drawChips();
    }
    pointOf({ width, height }, ...texts) {
      const [x, y] = texts.map((text) => (text.trim() ? Number(text) : NaN));
      if (x >= 0 && y >= 0 && x <= width && y <= height) return [x, y];
      complain('The link’s point does not lie in the picture; here is the scene’s starting point.');
      return undefined;
    }

    begin(picture, point) {
      this.answer = this.chosen = null;
      this.open = false;
      this.people.use(picture.picture);
      this.draw();
      this.live.draw();
      if (point) return this.click(...point);
      this.tab.say(`${picture.name}, ${picture.width} × ${picture.height} pixels. Now click where somebody should be.`);
      return this.live.fetch();
    }

    click(x, y) {
      this.live.quieten([x, y]);
      this.clicked(this.picture, [x, y], this.near);
    }

    // What a click at a place would get, asked for while the pointer rests there; null where that fails.
    async peek(picture, point, near) {
      const key = [picture.picture, ...point, near].join();
      if (this.peeked?.key !== key) {
        const asked = this.server.answer({ picture: picture.picture, x: point[0], y: point[1], near });
        this.peeked = { key, answer: asked.then((answer) => (answer?.error ? null : answer), () => null) };
      }
      return this.peeked.answer;
    }

    async request(picture, point, near) {
      const early = this.peeked?.key === [picture.picture, ...point, near].join() && await this.peeked.answer;
      const answer = early || await ask(this.server.answer, { picture: picture.picture, x: point[0], y: point[1], near });
      if (!answer || this.picture !== picture) return;
      this.answer = answer;
      this.chosen = {};
      this.open = false;
      this.stage.start = point;
      this.tab.setFields(point);
      this.draw();
      this.live.fetch();
    }

    // The answers as they are shown: of the chosen kind, those last who would be where somebody is kept.
    ranked(kind = this.kind, answer = this.answer) {
      if (!answer) return [];
      const { others } = this;
      return answer.poses.filter((pose) => kind === null || pose.kind === kind)
        .map((pose) => ({ pose, overlap: scenepose.overlap(pose.keypoints, others) }))
        .sort((a, b) => b.pose.score * (1 - b.overlap) - a.pose.score * (1 - a.overlap));
    }
    // Who is kept and seen: where they are nobody else can be.
    get others() { return this.people.list.filter((person) => person.visible); }
    get best() { return Math.max(0, ...this.ranked().map(({ pose }) => pose.score)); }
    get fits() { return this.best >= this.config.fits; }
    // Of whom the answers are, in words.
    get who() { return this.kind === null ? 'anybody' : `anybody ${(this.config.doing[this.kind] || this.kind).toLowerCase()}`; }
    get person() { return this.chosen?.id ? this.people.get(this.chosen.id) : null; }
    // Who is in the scene together: everybody who is kept, and the answer that is looked at.
    get together() {
      const kept = this.others;
      const shown = this.chosen && !this.chosen.id ? this.selected(this.ranked().slice(0, this.count)) : null;
      return shown ? [...kept, shown.pose] : kept;
    }
    selected(ranked) {
      return ranked.find(({ pose }) => pose.template === this.chosen?.template) || ranked[0] || null;
    }

    draw() {
      if (!this.picture) return;
      const ranked = this.ranked().slice(0, this.count), selected = this.selected(ranked);
      if (this.chosen?.id && !this.person) this.chosen = null;
      this.drawPeople(ranked, selected);
      this.drawKept();
      this.drawCards(ranked, selected);
      this.drawChips();
      this.drawHardly();
      this.drawLines();
      if (this.answer) {
        const [x, y] = this.answer.point.map(Math.round);
        const said = this.fits ? `${ranked.length} of ${this.answer.poses.length}` : 'Hardly anybody fits';
        const link = this.picture.link && `?scene=${encodeURIComponent(this.picture.link)}&x=${x}&y=${y}`;
        this.tab.say(`${said} at (${x}, ${y}), generated in ${Math.round(this.answer.milliseconds)} ms.`, link);
      }
    }

    drawPeople(ranked, selected) {
      const layer = this.stage.layers.people, { unit } = this.stage;
      layer.replaceChildren();
      if (!this.answer || !this.chosen || this.chosen.id) return;
      layer.classList.toggle('sp-faint', !this.fits);
      const order = selected ? [selected, ...ranked.filter((one) => one !== selected)] : [];
      const rankOf = new Map(ranked.map((one, rank) => [one, rank]));
      for (const [place, one] of [...order.entries()].reverse()) {
        layer.append(this.figure(one.pose, scenepose.style(place), { class: 'sp-person', 'data-rank': rankOf.get(one),
          'data-template': one.pose.template, 'data-selected': place === 0 }));
      }
      layer.append(scenepose.target(this.answer.point, unit));
      const taken = [];
      if (order.length > 1) {
        layer.append(...order.map(({ pose }, place) => scenepose.badge(pose.keypoints, rankOf.get(order[place]) + 1,
          pose.colour, pose.onColour, unit, taken)).filter(Boolean).reverse());
      }
      if (this.open && selected) {
        const before = this.before(selected.pose);
        if (before) layer.append(this.figure({ keypoints: before, colour: '#d7dde6' }, { width: 0.7, opacity: 0.75 }, { class: 'sp-before' }));
      }
    }
    figure(pose, look, attributes) {
      return scenepose.figure(pose.keypoints, pose.colour, look, this.stage.unit, attributes, pose.hidden);
    }

    drawKept() {
      const layer = this.stage.layers.kept;
      layer.replaceChildren(...this.people.list.filter((person) => person.visible).map((person) => {
        const group = this.figure(person, { width: 1, opacity: 1 }, { class: 'sp-person sp-kept',
          'data-id': person.id, 'data-edited': person.edited, 'data-rank': this.people.list.indexOf(person) });
        group.addEventListener('click', (event) => {
          event.stopPropagation();
          this.choose({ id: person.id });
        });
        return group;
      }));
      scenepose.handles(this.stage, this.people, this.chosen?.id);
    }

    drawCards(ranked, selected) {
      this.hint.hidden = Boolean(this.answer);
      const active = this.chosen && !this.chosen.id;
      this.cards.replaceChildren(...ranked.map((one, place) => {
        const { pose, overlap } = one, is = active && one === selected;
        const before = this.open && is && this.before(pose);
        return scenepose.card(pose, place + 1, {
          selected: is, overlap,
          why: before ? scenepose.why(pose, this.answer.poses.indexOf(pose) + 1, before, this.answer.poses, this.picture) : null,
          on: {
            select: () => this.choose({ template: pose.template }), keep: () => this.keep(pose, false),
            adjust: () => this.keep(pose, true), why: () => { this.open = !this.open; this.draw(); },
          },
        });
      }));
    }
    // A pose's template at its box: what it was before the offset moved its joints.
    before(pose) {
      const shape = this.model?.templates[pose.template]?.shape;
      if (!shape) return null;
      const { left, top, right, bottom } = scenepose.box(pose.keypoints);
      return shape.map(([x, y]) => [(left + right) / 2 + x * (right - left), (top + bottom) / 2 + y * (bottom - top)]);
    }

    choose(chosen) {
      this.chosen = chosen;
      this.draw();
    }

    keep(pose, adjust) {
      const id = this.people.keep(pose);
      this.open = false;
      this.choose({ id });
      if (adjust) this.stage.layers.tools.querySelector('.sp-handle-move')?.focus({ preventScroll: true });
    }

    drawLines() {
      const { list } = this.people, { past, future } = this.people.scene;
      this.scene.hidden = !list.length && !past.length && !future.length;
      this.undo.disabled = !past.length;
      this.redo.disabled = !future.length;
      for (const tool of this.ofOne) tool.disabled = !this.person;
      this.lines.replaceChildren(...list.map((person, n) => scenepose.line(person, n + 1, {
        selected: person.id === this.chosen?.id,
        on: {
          select: () => this.choose({ id: person.id }), toggle: () => this.people.toggle(person.id),
          remove: () => this.people.remove(person.id), forward: () => this.people.shift(person.id, 1),
          back: () => this.people.shift(person.id, -1),
        },
      })));
    }

    drawChips() {
      const kinds = this.model?.kinds || [];
      const chip = (kind, text) => {
        const best = this.answer ? Math.max(0, ...this.answer.poses.filter((pose) => kind === null || pose.kind === kind)
          .map(({ score }) => score)) : null;
        return make('button', { type: 'button', class: 'sp-chip', 'data-kind': kind ?? 'anyone', 'aria-pressed': this.kind === kind,
          onclick: () => this.setKind(kind) }, text, make('b', {}, best === null ? '' : `${percent(best)} %`));
      };
      const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.kind : null;
      this.chips.replaceChildren(chip(null, 'Anyone'), ...kinds.map((kind) => chip(kind, this.config.doing[kind] || kind)));
      if (focused) this.chips.querySelector(`[data-kind="${focused}"]`)?.focus();
    }

    drawHardly() {
      const hardly = Boolean(this.answer) && !this.fits;
      this.hardly.hidden = !hardly;
      const nearest = hardly ? this.live.nearest() : null;
      if (hardly) {
        this.hardly.replaceChildren(make('span', {}, `Hardly ${this.who} fits here: ${percent(this.best)} % at best.`),
          ...(nearest ? [make('button', { type: 'button', class: 'sp-button sp-small', id: 'sp-nearest',
            onclick: () => this.click(...nearest.at) }, 'Go to the nearest good place')] : []));
      }
      this.live.drawMarks(nearest);
    }

    setKind(kind) {
      this.kind = kind;
      if (this.chosen && !this.chosen.id) this.chosen = {};
      this.open = false;
      this.draw();
      this.live.draw();
      this.live.fetch();
    }
    setCount(text) {
      const count = Math.round(Number(text));
      if (!Number.isFinite(count) || String(text).trim() === '' || count < 1) {
        complain(`People to show is a whole number from 1 to ${this.config.most}, not ${String(text).trim() ? `“${text}”` : 'an empty field'}.`);
      } else this.count = Math.min(count, this.config.most);
      for (const field of this.countFields) field.value = this.count;
      this.draw();
    }
    setExact(on) {
      this.exact = on;
      remember('exact', on ? 'yes' : 'no');
      this.live.draw();
      if (this.answer) this.clicked(this.picture, this.answer.point, this.near);
      else this.live.fetch();
    }

    async save(format) {
      const people = this.together;
      if (!people.length) return complain('There is nobody to download yet: click a place in the picture first.');
      const file = await ask(this.server.save, { picture: this.picture.picture, format, people, size: this.size.value });
      if (file) scenepose.download(file);
    }

    // A file of people that was taken along earlier, dropped on the page.
    async bring(file) {
      if (file.size > 5e6) return complain(`${file.name} is too large to be a scene of ours.`);
      let record;
      try { record = JSON.parse(await file.text()); } catch { return complain(`${file.name} is not JSON that can be read.`); }
      const scene = await ask(this.server.check, { record, name: file.name });
      if (!scene) return;
      const fits = (picture) => picture && picture.width === scene.width && picture.height === scene.height;
      const named = this.config.scenes.find((one) => one.name === scene.scene && fits(one));
      if (named && this.picture?.picture !== named.picture) await this.tab.open(named, null);
      if (!fits(this.picture)) {
        return complain(`These people belong to ${scene.scene || 'a picture'}, ${scene.width} × ${scene.height} pixels. Load that picture first, then this file.`);
      }
      if (!scene.people.length) return complain(`${file.name} holds nobody.`);
      this.bringPeople(scene.people);
    }
    bringPeople(people) {
      const id = this.people.keep(...people);
      this.choose({ id });
    }
    async bringPose(picture, pose) {
      if (this.picture?.picture !== picture.picture) await this.tab.open(picture, null);
      this.bringPeople([pose]);
    }
  }

  scenepose.generate = (element, config, server, upload) => {
    scenepose.looks = config.looks;
    return new Generate(element, config, server, upload);
  };
})();
