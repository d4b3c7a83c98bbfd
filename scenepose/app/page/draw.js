// People as SVG, the way scenepose/figure.py has them drawn into pictures and files: both read the same poses, and a test
// compares them. `scenepose.looks` (limbs, widths, colours) comes from the server.
window.scenepose = { looks: null };
(() => {
  const SVG = 'http://www.w3.org/2000/svg';

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (name.startsWith('aria-') && value !== null) node.setAttribute(name, value);
      else if (value === true) node.setAttribute(name, '');
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  // Elements of HTML and of SVG; an attribute "onclick" is a listener.
  const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  const known = (joint) => joint && joint[0] !== null && joint[1] !== null;
  const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  // A colour mixed with another.
  function shade(colour, towards, amount) {
    const to = parts(towards);
    const mixed = parts(colour).map((part, n) => Math.round(part + (to[n] - part) * amount));
    return '#' + mixed.map((part) => part.toString(16).padStart(2, '0')).join('');
  }
  function limbColour(side, colour) {
    const { ink, white } = scenepose.looks;
    return side === 'left' ? shade(colour, white, 0.36) : side === 'right' ? shade(colour, ink, 0.22) : colour;
  }
  // How a rank looks, 0 being the best: limb width and opacity.
  const style = (rank) => ({
    width: Math.max(0.5, 1 - 0.13 * rank), opacity: rank === 0 ? 1 : Math.max(0.5, 0.88 - 0.07 * rank),
  });
  // The unit of every width in a picture of this size.
  const unit = (width, height) => Math.max(1.6, 0.0068 * Math.sqrt(width * height));

  function box(keypoints) {
    const xs = keypoints.filter(known).map((joint) => joint[0]);
    const ys = keypoints.filter(known).map((joint) => joint[1]);
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  }
  function head(keypoints) {
    const [neckJoint, topJoint] = scenepose.looks.neck;
    const neck = keypoints[neckJoint], top = keypoints[topJoint];
    if (!known(neck) || !known(top)) return null;
    const half = [(top[0] - neck[0]) * 0.43, (top[1] - neck[1]) * 0.43];
    const length = Math.hypot(...half);
    return {
      centre: [top[0] - half[0], top[1] - half[1]], chin: [top[0] - 2 * half[0], top[1] - 2 * half[1]],
      along: length, across: 0.78 * length,
      turn: Math.atan2(half[1], half[0]) * 180 / Math.PI,
    };
  }

  // A limb as a path: a line, or where an end is hidden by furniture dashes from its middle on.
  function limbPath(from, to, unseen, radius, outline) {
    const [a, b] = unseen, between = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    const line = (start, end) => `M${start.join(' ')}L${end.join(' ')}`;
    if (!a && !b) return line(from, to);
    const drawn = 2.2 * radius, gap = 0.8 * radius + 2 * (radius + outline);
    const dashes = (start, end) => {
      const length = Math.hypot(end[0] - start[0], end[1] - start[1]);
      if (length <= drawn) return line(start, end);
      const at = (way) => [0, 1].map((n) => start[n] + (end[n] - start[n]) * way / length);
      let path = '';
      for (let way = 0; way <= length - drawn + 1e-9; way += drawn + gap) path += line(at(way), at(way + drawn));
      return path;
    };
    if (a && b) return dashes(from, to);
    const [seen, lost] = b ? [from, to] : [to, from];
    const share = Math.min(1, gap / Math.max(Math.hypot(lost[0] - between[0], lost[1] - between[1]), 1e-9));
    return line(seen, between) + dashes([0, 1].map((n) => between[n] + (lost[n] - between[n]) * share), lost);
  }

  // One person: <g> with limbs, trunk, head and joints. `scale` is the unit of widths, see `unit`; `hidden` says
  // which joints furniture hides, or is null.
  function figure(keypoints, colour, look, scale, attributes = {}, hidden = null) {
    const { ink, white, limbs, torso, trunk, neck } = scenepose.looks;
    const group = svg('g', { opacity: look.opacity, 'stroke-linecap': 'round', fill: 'none', ...attributes });
    if (!keypoints.some(known)) return group;
    const { left, top, right, bottom } = box(keypoints);
    const unseen = (joint) => Boolean(hidden && hidden[joint]);
    const radius = Math.max(0.9, Math.min(scale, Math.max(right - left, bottom - top) * 0.02)) * look.width;
    const outline = Math.max(0.7, radius * 0.42);
    const path = (d, half, stroke, more = {}) => group.append(svg('path', { d, stroke, 'stroke-width': 2 * half, ...more }));
    const drawn = limbs.filter(({ joints: [a, b] }) => known(keypoints[a]) && known(keypoints[b]));
    const limb = ({ joints: [a, b], width }) =>
      limbPath(keypoints[a], keypoints[b], [unseen(a), unseen(b)], radius * width, outline);
    const face = head(keypoints), ring = look.opacity < 1 || (unseen(neck[0]) && unseen(neck[1])) ? radius : 0;
    const oval = (grow, paint, edge) => {
      const more = grow - edge / 2;
      group.append(svg('ellipse', {
        cx: face.centre[0], cy: face.centre[1], rx: Math.max(0, face.along + more), ry: Math.max(0, face.across + more),
        fill: paint, transform: `rotate(${face.turn} ${face.centre[0]} ${face.centre[1]})`,
        ...(edge ? { 'fill-opacity': 0.2, stroke: paint, 'stroke-width': edge } : {}),
      }));
    };
    for (const one of drawn) path(limb(one), radius * one.width + outline, ink);
    if (face) {
      path(`M${keypoints[neck[0]].join(' ')}L${face.chin.join(' ')}`, radius * neck[2] + outline, ink);
      oval(outline, ink, ring ? ring + outline : 0);
    }
    if (torso.every((joint) => known(keypoints[joint]))) {
      group.append(svg('polygon', {
        points: torso.map((joint) => keypoints[joint].join()).join(' '), fill: shade(colour, ink, 0.15),
        'fill-opacity': (torso.every(unseen) ? 50 : 130) / 255,
      }));
    }
    for (const one of [...drawn].sort((a, b) => (a.side === 'left') - (b.side === 'left'))) {
      path(limb(one), radius * one.width, limbColour(one.side, colour), { 'data-limb': one.joints.join('-') });
    }
    if (face) {
      path(`M${keypoints[neck[0]].join(' ')}L${face.chin.join(' ')}`, radius * neck[2], colour);
      oval(0, shade(colour, white, 0.12), ring);
    }
    keypoints.forEach((joint, number) => {
      if (!known(joint) || trunk.includes(number) || unseen(number)) return;
      group.append(svg('circle', { class: 'sp-dot', 'data-dot': number, cx: joint[0], cy: joint[1], r: radius * 0.55,
        fill: shade(colour, white, 0.85) }));
    });
    return group;
  }

  // The clicked point: a white ring with a dot in it.
  function target([x, y], scale) {
    const { ink, white } = scenepose.looks;
    const rings = [[2.15, ink], [1.75, white], [1.05, ink], [0.62, white]];
    return svg('g', { class: 'sp-target', opacity: 0.95 },
      ...rings.map(([radius, colour]) => svg('circle', { cx: x, cy: y, r: radius * scale, fill: colour })));
  }

  // A rank's number above a head.
  function badge(keypoints, text, colour, onColour, scale, taken) {
    const face = head(keypoints);
    if (!face) return null;
    const radius = 2.5 * scale;
    let x = face.centre[0], y = face.centre[1] - face.along - radius * 1.1;
    for (let tries = 0; tries < 12 && taken.some((other) => Math.hypot(x - other[0], y - other[1]) < 2.1 * radius); tries++) {
      x = face.centre[0] + (tries % 2 ? -1 : 1) * Math.ceil((tries + 1) / 2) * radius * 1.2;
    }
    taken.push([x, y]);
    return svg('g', { class: 'sp-badge' },
      svg('circle', { cx: x, cy: y, r: radius + 0.3 * scale, fill: scenepose.looks.ink }),
      svg('circle', { cx: x, cy: y, r: radius, fill: colour }),
      svg('text', { x, y, 'font-size': radius * 1.35, fill: onColour, 'text-anchor': 'middle',
        'dominant-baseline': 'central', 'font-weight': 600 }, text));
  }

  // A pose as a small picture that it fills; several poses share its frame.
  function drawing(poses, wide = 64, high = 76) {
    const frame = box(poses.flatMap(({ keypoints }) => keypoints));
    const factor = Math.min((wide - 14) / Math.max(frame.right - frame.left, 1e-6),
      (high - 14) / Math.max(frame.bottom - frame.top, 1e-6));
    const place = ([x, y]) => x === null ? [null, null] : [
      wide / 2 + (x - (frame.left + frame.right) / 2) * factor, high / 2 + (y - (frame.top + frame.bottom) / 2) * factor,
    ];
    const figures = poses.map(({ keypoints, colour, opacity = 1 }) =>
      figure(keypoints.map(place), colour, { width: 1, opacity }, 2.1));
    return svg('svg', { class: 'sp-figure', viewBox: `0 0 ${wide} ${high}`, 'aria-hidden': 'true' }, ...figures);
  }

  Object.assign(scenepose, { make, svg, figure, target, badge, drawing, style, unit, box, shade, known });
})();
