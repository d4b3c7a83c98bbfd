// The stage: a picture, an SVG over exactly its area in the picture's own pixels, and what a pointer, a finger
// or the keyboard does there. It knows nothing of models: `on` is told of places, and draws into `layers`.
(() => {
  const { make, svg } = scenepose;
  const LONG_PRESS = 350, SLOP = 10; // milliseconds, pixels of the screen
  const STEP = 0.02; // of the picture's height, for an arrow key; with Shift a fifth of it
  const LAYERS = ['map', 'marks', 'people', 'kept', 'ghost', 'tools', 'cross'];

  // on: {click(x, y), hover(x, y) or hover(null), drop(file)}, all in pixels of the picture.
  scenepose.Stage = class {
    constructor(id, label, on) {
      this.on = on;
      this.picture = null; // {width, height, ...}
      this.layers = Object.fromEntries(LAYERS.map((name) => [name, svg('g', { class: `sp-layer-${name}` })]));
      this.image = make('img', { alt: '', draggable: 'false' });
      this.svg = svg('svg', {
        id, class: 'sp-stage', tabindex: 0, role: 'application', 'aria-label': label, preserveAspectRatio: 'none',
      }, ...Object.values(this.layers));
      this.frame = make('div', { class: 'sp-frame' }, this.image, this.svg);
      this.full = make('button', {
        type: 'button', class: 'sp-button sp-small sp-full', title: 'Full screen', 'aria-label': 'Full screen',
        onclick: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()),
      }, svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16, fill: 'none', stroke: 'currentColor', 'stroke-width': 2 },
        svg('path', { d: 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4' })));
      this.full.hidden = !document.fullscreenEnabled;
      this.root = make('div', { class: 'sp-view' }, this.frame);
      this.cross = null;
      this.pressed = null;
      this.listen();
      this.listenDrop();
    }

    // Show a picture, once it has arrived: until then the one before stays, and clicks belong to that one.
    // False where another was asked for in the meantime.
    async show(picture) {
      this.asked = picture;
      const image = new Image();
      image.src = scenepose.fileAddress(picture.file);
      try { await image.decode(); } catch { /* the frame stays empty, and clicks still work */ }
      if (this.asked !== picture) return false;
      this.picture = picture;
      this.image.src = image.src;
      this.image.alt = picture.title;
      this.svg.setAttribute('viewBox', `0 0 ${picture.width} ${picture.height}`);
      this.frame.style.setProperty('--wide', picture.width);
      this.frame.style.setProperty('--high', picture.height);
      for (const layer of Object.values(this.layers)) layer.replaceChildren();
      this.cross = null;
      return true;
    }

    // The picture shown stays: of another that is on its way nothing more comes.
    stay() { this.asked = this.picture; }

    get unit() { return scenepose.unit(this.picture.width, this.picture.height); }
    // Pixels of the picture in one of the screen.
    get pixel() { return this.picture.width / Math.max(1, this.svg.getBoundingClientRect().width); }

    // Where an event of a pointer is in the picture; inside it, also when it comes from its very edge.
    place(event) {
      const area = this.svg.getBoundingClientRect();
      const along = (at, from, size, whole) => Math.min(Math.max((at - from) / size, 0), 1) * whole;
      return [
        along(event.clientX, area.left, area.width, this.picture.width),
        along(event.clientY, area.top, area.height, this.picture.height),
      ];
    }

    listen() {
      const node = this.svg;
      // Clicks come in whole pixels of the screen and moves in fractions: so both mean the same place.
      const at = ({ clientX, clientY }) => this.place({ clientX: Math.floor(clientX), clientY: Math.floor(clientY) });
      let press = null, timer = 0, swallow = false;
      const end = () => { clearTimeout(timer); press = null; };
      node.addEventListener('pointerdown', (event) => {
        swallow = false;
        if (event.pointerType !== 'touch' || !event.isPrimary || !this.picture) return;
        press = { x: event.clientX, y: event.clientY, long: false };
        timer = setTimeout(() => { press.long = true; this.on.hover?.(...at(event)); }, LONG_PRESS);
      });
      node.addEventListener('pointermove', (event) => {
        if (!this.picture) return;
        if (event.pointerType !== 'touch') {
          if (event.target.closest('.sp-handle')) this.on.hover?.(null); // it is about somebody who is there already
          else if (!event.buttons) this.on.hover?.(...at(event));
        } else if (press?.long) this.on.hover?.(...at(event));
        else if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > SLOP) end();
      });
      // While a long press shows the ghost, the page stays where it is.
      node.addEventListener('touchmove', (event) => { if (press?.long) event.preventDefault(); }, { passive: false });
      node.addEventListener('contextmenu', (event) => { if (press) event.preventDefault(); });
      node.addEventListener('pointerup', (event) => {
        if (press?.long) { swallow = true; this.on.hover?.(null); }
        if (event.pointerType === 'touch') end();
      });
      node.addEventListener('pointercancel', () => { if (press?.long) this.on.hover?.(null); end(); });
      node.addEventListener('pointerleave', (event) => { if (event.pointerType !== 'touch') this.on.hover?.(null); });
      node.addEventListener('click', (event) => {
        if (!this.picture || swallow || event.detail === 0) return;
        this.hideCross();
        const point = at(event);
        this.ripple(point);
        this.on.click(...point);
      });
      node.addEventListener('keydown', (event) => this.key(event));
      node.addEventListener('blur', () => this.hideCross());
    }

    listenDrop() {
      for (const kind of ['dragover', 'dragleave', 'drop']) {
        this.root.addEventListener(kind, (event) => {
          event.preventDefault();
          this.root.classList.toggle('sp-drop', kind === 'dragover');
          if (kind === 'drop' && event.dataTransfer.files.length) this.on.drop(event.dataTransfer.files[0]);
        });
      }
    }

    // Arrow keys move a crosshair, Enter or the space bar clicks there.
    key(event) {
      if (!this.picture || event.target !== this.svg || event.ctrlKey || event.altKey || event.metaKey) return;
      const { width, height } = this.picture;
      const step = height * STEP * (event.shiftKey ? 0.2 : 1);
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (move) {
        const from = this.cross || this.start || [width / 2, height / 2];
        this.cross = [
          Math.min(Math.max(from[0] + move[0] * step, 0), width), Math.min(Math.max(from[1] + move[1] * step, 0), height),
        ];
        this.drawCross();
        this.on.hover?.(...this.cross);
      } else if ((event.key === 'Enter' || event.key === ' ') && (this.cross || this.start)) {
        this.on.click(...(this.cross || this.start));
      } else if (event.key === 'Escape' && this.cross) {
        this.hideCross();
        this.on.hover?.(null);
      } else return;
      event.preventDefault();
    }

    drawCross() {
      const [x, y] = this.cross, reach = 5 * this.unit, gap = 1.6 * this.unit;
      const arms = [[1, 0], [-1, 0], [0, 1], [0, -1]].flatMap(([right, down]) => [3.4, 1.6].map((width, n) => svg('line', {
        x1: x + right * gap, y1: y + down * gap, x2: x + right * reach, y2: y + down * reach,
        stroke: n ? scenepose.looks.white : scenepose.looks.ink, 'stroke-width': width * this.unit * 0.4,
      })));
      this.layers.cross.replaceChildren(...arms);
    }

    hideCross() {
      this.cross = null;
      this.layers.cross.replaceChildren();
    }

    ripple([x, y]) {
      const ring = svg('circle', { class: 'sp-ripple', cx: x, cy: y, r: 2.2 * this.unit, fill: 'none',
        stroke: scenepose.looks.white, 'stroke-width': 0.6 * this.unit });
      this.layers.cross.append(ring);
      setTimeout(() => ring.remove(), 700);
    }
  };

  // The address of a file that the server lets browsers have.
  scenepose.fileAddress = (path) => {
    const root = window.gradio_config?.root || document.baseURI.replace(/\/[^/]*$/, '');
    return `${root}/gradio_api/file=${path.split('/').map(encodeURIComponent).join('/')}`;
  };
  scenepose.download = ({ file, name }) => {
    const link = make('a', { href: scenepose.fileAddress(file), download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
  };
})();
