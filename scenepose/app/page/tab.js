// What the tabs with a picture share: the stage, the gallery, one's own photo, typed points, the line below.
(() => {
  const { make } = scenepose;

  // What is wrong, as a sentence that goes away by itself and can be read out.
  scenepose.complain = (text) => {
    let place = document.querySelector('#sp-complaints');
    if (!place) {
      place = make('div', { id: 'sp-complaints', role: 'alert', 'aria-live': 'assertive' });
      document.body.append(place);
    }
    const line = make('div', { class: 'sp-complaint' }, make('span', {}, text),
      make('button', { type: 'button', 'aria-label': 'Close', onclick: () => line.remove() }, '×'));
    place.replaceChildren(line);
    setTimeout(() => line.remove(), 12000);
  };

  // Ask the server; null where it refused, which people then read.
  scenepose.ask = async (call, request) => {
    let answer;
    try { answer = await call(request); } catch { answer = { error: 'The server cannot be reached just now.' }; }
    if (!answer || answer.error) {
      scenepose.complain(answer?.error || 'The server could not do that.');
      return null;
    }
    return answer;
  };

  // Runs `work` with the newest of the values that it is called with while it is at work; those between are
  // dropped. So of several quick clicks the last one wins.
  scenepose.newest = (work) => {
    let busy = false, next = null;
    return async (...values) => {
      next = values;
      if (busy) return;
      busy = true;
      try {
        while (next) {
          const now = next;
          next = null;
          await work(...now);
        }
      } finally { busy = false; }
    };
  };

  // options: prefix of ids, label, scenes, server, upload, on: {picture(picture), click(x, y), hover, json(file)}
  scenepose.Tab = class {
    constructor(element, options) {
      const { prefix } = options;
      this.options = options;
      this.element = element;
      this.point = null;
      this.stage = new scenepose.Stage(`${prefix}stage`, options.label, {
        click: (x, y) => { this.stage.stay(); options.on.click(x, y); },
        hover: options.on.hover,
        drop: (file) => this.take(file),
      });
      this.status = make('p', { class: 'sp-status', id: `${prefix}status`, role: 'status', 'aria-live': 'polite' },
        'Loading the model …');
      const input = make('input', {
        type: 'file', id: `${prefix}file`, class: 'sp-file', accept: 'image/*,.heic,.heif,.avif,.json',
        'aria-label': 'Use your own photo',
        onchange: () => { if (input.files.length) this.take(input.files[0]); input.value = ''; },
      });
      this.upload = make('label', { class: 'sp-button sp-main', id: `${prefix}upload` }, input, 'Use your own photo');
      this.x = this.field('x', 'X (pixels)');
      this.y = this.field('y', 'Y (pixels)');
      this.fields = make('form', {
        class: 'sp-exact', novalidate: true, 'aria-label': 'A place by its pixels',
        onsubmit: (event) => { event.preventDefault(); this.typed(); },
      }, this.x.root, this.y.root, make('button', { class: 'sp-button', id: `${prefix}go` }, options.go));
      this.gallery = make('div', { class: 'sp-gallery', id: `${prefix}scenes`, role: 'group', 'aria-label': 'Pictures' });
      this.list(options.scenes);
    }

    field(name, label) {
      const input = make('input', { inputmode: 'decimal', autocomplete: 'off', size: 5 });
      return { root: make('label', { class: 'sp-field', id: `${this.options.prefix}${name}` }, make('span', {}, label), input), input };
    }

    list(scenes) {
      this.scenes = scenes;
      this.gallery.replaceChildren(...scenes.map((scene) => make('button', {
        type: 'button', class: 'sp-scene', 'data-picture': scene.picture, onclick: () => this.open(scene),
      }, make('img', { src: scenepose.fileAddress(scene.file), alt: '', loading: 'lazy' }), make('span', {}, scene.title))));
    }

    // Show a picture, with a point to start from or its own.
    async open(picture, point = picture.point) {
      if (!await this.stage.show(picture)) return;
      this.point = null;
      this.stage.start = picture.point || null;
      for (const button of this.gallery.children) {
        button.setAttribute('aria-pressed', button.dataset.picture === picture.picture);
      }
      this.setFields(null);
      this.options.on.picture(picture, point);
    }

    setFields(point) {
      this.x.input.value = point ? Math.round(point[0]) : '';
      this.y.input.value = point ? Math.round(point[1]) : '';
    }

    typed() {
      const texts = [this.x, this.y].map(({ input }) => input.value.trim().replace(',', '.'));
      if (texts.some((text) => text === '')) return scenepose.complain('Type both X and Y, in pixels of the picture.');
      const [x, y] = texts.map(Number);
      const bad = texts.find((text) => !Number.isFinite(Number(text)));
      if (bad !== undefined) return scenepose.complain(`“${bad}” is not a number; X and Y are pixels of the picture.`);
      const { width, height } = this.stage.picture;
      if (x < 0 || y < 0 || x > width || y > height) {
        return scenepose.complain(`The point (${x}, ${y}) lies outside the picture, which is ${width} x ${height} pixels.`);
      }
      this.stage.stay();
      this.options.on.click(x, y);
    }

    // A file that was chosen or dropped: a photo, or people that were taken along earlier.
    async take(file) {
      if (/\.json$/i.test(file.name) || file.type === 'application/json') {
        if (this.options.on.json) return this.options.on.json(file);
        return scenepose.complain('Poses are opened in the Generate tab; here it takes a picture.');
      }
      this.say(`Loading ${file.name} …`);
      let where;
      try { where = await this.options.upload(file); } catch {
        this.say('');
        return scenepose.complain(`${file.name} could not be sent to the server; is it larger than 60 MB?`);
      }
      const picture = await scenepose.ask(this.options.server.open, { path: where.path, name: file.name });
      if (!picture) return this.say('');
      await this.open(picture, null);
    }

    // The line below the picture, with a link where there is one.
    say(text, link) {
      this.status.replaceChildren(text, ...(link ? [' ', make('a', { href: link }, 'Link to this result')] : []));
    }
  };
})();
