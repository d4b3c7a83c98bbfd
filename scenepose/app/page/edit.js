// Handles of the person who is being adjusted: a circle on every joint, and on the frame around the whole one
// to move, one to scale and one to turn. All work with mouse, finger, and arrow keys.
(() => {
  const { svg, box, known } = scenepose;
  const NAMES = { r: 'right', l: 'left' };
  const spoken = (joint) => joint.replace(/^([rl])_/, (_, side) => `${NAMES[side]} `).replace('_', ' ');

  // Draw the handles of a person into a layer of the stage; people: where changes go.
  scenepose.handles = (stage, people, id) => {
    const layer = stage.layers.tools;
    const focused = layer.querySelector(':focus')?.dataset.handle;
    const person = people.get(id);
    if (!person || !person.visible) return layer.replaceChildren();
    const { height } = stage.picture;
    const pixel = stage.pixel, keypoints = person.keypoints;
    const frame = box(keypoints), pad = 14 * pixel;
    const middle = [(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2];

    // One handle: `apply(from, to, start)` gives the joints when it was dragged from one place to another.
    const handle = (name, label, [x, y], shape, apply) => {
      const node = svg('g', { class: `sp-handle sp-handle-${name}`, 'data-handle': name, tabindex: 0, role: 'button',
        'aria-label': label }, ...shape(x, y));
      node.addEventListener('pointerdown', (event) => {
        if (event.button) return;
        event.stopPropagation();
        event.preventDefault();
        drag(stage, people, id, event, (from, to, start) => apply(from, to, start));
      });
      node.addEventListener('click', (event) => event.stopPropagation());
      node.addEventListener('keydown', (event) => {
        const step = (event.shiftKey ? 0.2 : 1) * 0.01 * height;
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        people.begin();
        people.drag(id, apply([x, y], [x + by[0] * step, y + by[1] * step], people.get(id).keypoints), height);
        people.end();
      });
      return node;
    };
    const shift = (from, to, start) => start.map((joint) =>
      known(joint) ? [joint[0] + to[0] - from[0], joint[1] + to[1] - from[1]] : joint);
    const scale = (from, to, start) => {
      const factor = Math.max(0.05, distance(to, middle) / Math.max(distance(from, middle), 1e-6));
      return start.map((joint) => known(joint) ? middle.map((at, n) => at + (joint[n] - at) * factor) : joint);
    };
    const turn = (from, to, start) => {
      const angle = Math.atan2(to[1] - middle[1], to[0] - middle[0]) - Math.atan2(from[1] - middle[1], from[0] - middle[0]);
      return start.map((joint) => known(joint) ? turned(joint, middle, angle) : joint);
    };
    const round = (radius) => (x, y) => [
      svg('circle', { class: 'sp-grip', cx: x, cy: y, r: 15 * pixel }),
      svg('circle', { class: 'sp-knob', cx: x, cy: y, r: radius * pixel, 'stroke-width': 2 * pixel }),
    ];
    const sign = (text) => (x, y) => [...round(11)(x, y), svg('text', { x, y, 'font-size': 14 * pixel,
      'text-anchor': 'middle', 'dominant-baseline': 'central' }, text)];
    const outer = { left: frame.left - pad, top: frame.top - pad, right: frame.right + pad, bottom: frame.bottom + pad };
    const inside = ([x, y]) => [Math.min(Math.max(x, 12 * pixel), stage.picture.width - 12 * pixel),
      Math.min(Math.max(y, 12 * pixel), height - 12 * pixel)];

    const outline = svg('rect', { class: 'sp-outline', x: outer.left, y: outer.top, width: outer.right - outer.left,
      height: outer.bottom - outer.top, 'stroke-width': 1.5 * pixel, 'stroke-dasharray': `${6 * pixel} ${5 * pixel}` });
    const joints = keypoints.map((joint, number) => {
      if (!known(joint)) return null;
      const node = handle(`joint-${number}`, spoken(scenepose.looks.joints[number]), joint, (x, y) => [
        svg('circle', { class: 'sp-joint', 'data-joint': number, 'data-name': scenepose.looks.joints[number], cx: x, cy: y,
          r: 7 * pixel, 'stroke-width': 2 * pixel }),
      ], (from, to, start) => start.map((one, n) => (n === number ? shift(from, to, [one])[0] : one)));
      return node;
    });
    layer.replaceChildren(outline, ...joints.filter(Boolean),
      handle('move', 'Move the person', inside([outer.left, outer.top]), sign('✥'), shift),
      handle('scale', 'Scale the person', inside([outer.right, outer.bottom]), sign('⤡'), scale),
      handle('turn', 'Turn the person', inside([outer.right, outer.top]), sign('⟳'), turn));
    if (focused) layer.querySelector(`[data-handle="${focused}"]`)?.focus();
  };

  const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  function turned(joint, middle, angle) {
    const [x, y] = [joint[0] - middle[0], joint[1] - middle[1]];
    return [middle[0] + x * Math.cos(angle) - y * Math.sin(angle), middle[1] + x * Math.sin(angle) + y * Math.cos(angle)];
  }
  scenepose.turned = turned;

  // Follow a pointer until it is let go. The handles are drawn anew meanwhile, so the stage itself listens.
  function drag(stage, people, id, event, apply) {
    const from = stage.place(event), start = people.get(id).keypoints, { height } = stage.picture;
    const target = stage.svg;
    people.begin();
    const move = (next) => {
      if (next.pointerId === event.pointerId) people.drag(id, apply(from, stage.place(next), start), height);
    };
    const end = (next) => {
      if (next.pointerId !== event.pointerId) return;
      for (const [kind, listener] of listeners) window.removeEventListener(kind, listener, true);
      people.end();
      // The click that ends a drag is not one in the picture.
      const swallow = (click) => click.stopPropagation();
      target.addEventListener('click', swallow, { capture: true, once: true });
      setTimeout(() => target.removeEventListener('click', swallow, { capture: true }), 0);
    };
    const listeners = [['pointermove', move], ['pointerup', end], ['pointercancel', end]];
    for (const [kind, listener] of listeners) window.addEventListener(kind, listener, true);
  }
})();
